//! The operations, one file each: name, shape rule, derivative rule, meaning, and the cases on which they are tested.
//!
//! To add one, write its file and put one line into [`ALL`].

mod convolution;
mod elementwise;

pub mod abs;
pub mod add;
pub mod broadcast;
pub mod concat;
pub mod constant;
pub mod conv2d;
pub mod conv2d_input;
pub mod conv2d_weight;
pub mod cos;
pub mod cumsum;
pub mod detach;
pub mod div;
pub mod equal;
pub mod exp;
pub mod expm1;
pub mod first_largest;
pub mod floor;
pub mod fold;
pub mod greater;
pub mod input;
pub mod iota;
pub mod log;
pub mod log1p;
pub mod logsumexp;
pub mod matmul;
pub mod maximum;
pub mod minimum;
pub mod mul;
pub mod neg;
pub mod normal_cdf;
pub mod normal_pdf;
pub mod one_hot;
pub mod pad;
pub mod patches;
pub mod permute;
pub mod pick;
pub mod power;
pub mod put_add;
pub mod reciprocal;
pub mod reduce_max;
pub mod relu;
pub mod reshape;
pub mod round;
pub mod scale;
pub mod select;
pub mod sigmoid;
pub mod sign;
pub mod sin;
pub mod slice;
pub mod softmax;
pub mod softplus;
pub mod sqrt;
pub mod step;
pub mod sub;
pub mod sum;
pub mod take;
pub mod tanh;
pub mod variance;

use crate::Op;

/// Every operation.
pub static ALL: &[&Op] = &[
    &input::INPUT,
    &constant::CONSTANT,
    &add::ADD,
    &sub::SUB,
    &mul::MUL,
    &div::DIV,
    &neg::NEG,
    &scale::SCALE,
    &reciprocal::RECIPROCAL,
    &sqrt::SQRT,
    &exp::EXP,
    &expm1::EXPM1,
    &log::LOG,
    &log1p::LOG1P,
    &power::POWER,
    &abs::ABS,
    &sign::SIGN,
    &floor::FLOOR,
    &round::ROUND,
    &detach::DETACH,
    &tanh::TANH,
    &sin::SIN,
    &cos::COS,
    &normal_cdf::NORMAL_CDF,
    &normal_pdf::NORMAL_PDF,
    &sigmoid::SIGMOID,
    &softplus::SOFTPLUS,
    &relu::RELU,
    &step::STEP,
    &greater::GREATER,
    &equal::EQUAL,
    &maximum::MAXIMUM,
    &minimum::MINIMUM,
    &select::SELECT,
    &reshape::RESHAPE,
    &permute::PERMUTE,
    &broadcast::BROADCAST,
    &sum::SUM,
    &cumsum::CUMSUM,
    &variance::VARIANCE,
    &reduce_max::REDUCE_MAX,
    &first_largest::FIRST_LARGEST,
    &logsumexp::LOGSUMEXP,
    &softmax::SOFTMAX,
    &one_hot::ONE_HOT,
    &pick::PICK,
    &matmul::MATMUL,
    &iota::IOTA,
    &pad::PAD,
    &slice::SLICE,
    &concat::CONCAT,
    &take::TAKE,
    &put_add::PUT_ADD,
    &patches::PATCHES,
    &fold::FOLD,
    &conv2d::CONV2D,
    &conv2d_input::CONV2D_INPUT,
    &conv2d_weight::CONV2D_WEIGHT,
];
