mod fixture;
mod good;
