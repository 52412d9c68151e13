//! The figures, one file each.

mod figure_1;
mod figure_10;
mod figure_11;
mod figure_12;
mod figure_13;
mod figure_14;
mod figure_15;
mod figure_16;
mod figure_17;
mod figure_18;
mod figure_19;
mod figure_2;
mod figure_20;
mod figure_21;
mod figure_3;
mod figure_4;
mod figure_5;
mod figure_6;
mod figure_7;
mod figure_8;
mod figure_9;

use onedge_registry::Entry;

use crate::Exhibit;

/// Every figure, by its number.
pub static FIGURES: &[&Entry<Exhibit>] = &[
    &figure_1::ENTRY,
    &figure_2::ENTRY,
    &figure_3::ENTRY,
    &figure_4::ENTRY,
    &figure_5::ENTRY,
    &figure_6::ENTRY,
    &figure_7::ENTRY,
    &figure_8::ENTRY,
    &figure_9::ENTRY,
    &figure_10::ENTRY,
    &figure_11::ENTRY,
    &figure_12::ENTRY,
    &figure_13::ENTRY,
    &figure_14::ENTRY,
    &figure_15::ENTRY,
    &figure_16::ENTRY,
    &figure_17::ENTRY,
    &figure_18::ENTRY,
    &figure_19::ENTRY,
    &figure_20::ENTRY,
    &figure_21::ENTRY,
];
