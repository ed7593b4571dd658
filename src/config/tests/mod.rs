mod check;
mod faults_catalogue;
mod faults_gateway;
mod faults_zones;
mod fixture;
mod good;
mod together;
