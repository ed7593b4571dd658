//! Reading a YAML file with all its faults at once.
//!
//! A [`Document`] collects the faults. An [`Item`] is a value in it, a [`Section`] a mapping whose
//! fields are taken by name; what nobody took is an unknown field.

mod document;
mod item;
mod lines;
mod node;
mod place;
mod section;
mod values;

pub(super) use document::{Document, read_bounded, unreadable};
pub(super) use item::{Item, shown};
pub(super) use place::Place;
pub(super) use section::Section;
