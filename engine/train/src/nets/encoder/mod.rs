//! Encoders: from the image to features of decreasing size.

mod alexnet;
mod efficientnet;
mod residual;
mod resnet;
mod senet;

use super::net::{Net, Scope, Tensor};
use crate::recipe::Encoder;

/// The features of an encoder from larger to smaller. The last four are at 1/4, 1/8, 1/16 and 1/32 of the image's size;
/// all encoders but AlexNet have one at 1/2 before them. With an output stride, none is smaller than that.
pub type Features = Vec<Tensor>;

/// Builds an encoder for an image whose sides are multiples of `output_stride`: 8, 16 or 32 (no dilation).
pub fn encode(net: &mut Net, encoder: Encoder, image: &Tensor, output_stride: i64) -> Features {
    let at = Scope::new("encoder");
    let resnet = |net: &mut Net, variant| resnet::encode(net, &at, image, output_stride, variant);
    let senet = |net: &mut Net, variant| senet::encode(net, &at, image, output_stride, variant);
    let efficientnet = |net: &mut Net, variant| efficientnet::encode(net, &at, image, output_stride, variant);
    match encoder {
        Encoder::Alexnet => alexnet::encode(net, &at, image, output_stride),
        Encoder::Resnet18 => resnet(net, &resnet::RESNET18),
        Encoder::Resnet34 => resnet(net, &resnet::RESNET34),
        Encoder::Resnet50 => resnet(net, &resnet::RESNET50),
        Encoder::Resnet101 => resnet(net, &resnet::RESNET101),
        Encoder::SeResnext50 => senet(net, &senet::SE_RESNEXT50),
        Encoder::SeResnext101 => senet(net, &senet::SE_RESNEXT101),
        Encoder::Senet154 => senet(net, &senet::SENET154),
        Encoder::EfficientnetB0 => efficientnet(net, &efficientnet::B0),
        Encoder::EfficientnetB1 => efficientnet(net, &efficientnet::B1),
        Encoder::EfficientnetB2 => efficientnet(net, &efficientnet::B2),
        Encoder::EfficientnetB3 => efficientnet(net, &efficientnet::B3),
        Encoder::EfficientnetB4 => efficientnet(net, &efficientnet::B4),
        Encoder::EfficientnetB5 => efficientnet(net, &efficientnet::B5),
        Encoder::EfficientnetLite0 => efficientnet(net, &efficientnet::LITE0),
        Encoder::SmpEfficientnetB0 => efficientnet(net, &efficientnet::SMP[0]),
        Encoder::SmpEfficientnetB1 => efficientnet(net, &efficientnet::SMP[1]),
        Encoder::SmpEfficientnetB2 => efficientnet(net, &efficientnet::SMP[2]),
        Encoder::SmpEfficientnetB3 => efficientnet(net, &efficientnet::SMP[3]),
        Encoder::SmpEfficientnetB4 => efficientnet(net, &efficientnet::SMP[4]),
        Encoder::SmpEfficientnetB5 => efficientnet(net, &efficientnet::SMP[5]),
        Encoder::SmpEfficientnetB6 => efficientnet(net, &efficientnet::SMP[6]),
        Encoder::SmpEfficientnetB7 => efficientnet(net, &efficientnet::SMP[7]),
    }
}

/// The stride of a stage's first convolution and the dilation of all of its convolutions, dilated as in
/// segmentation_models.pytorch: a stage that would make features smaller than `output_stride` has no stride, and
/// dilated kernels instead. `own` is the stage's stride relative to the image without dilation.
fn dilate(own: i64, output_stride: i64) -> (i64, i64) {
    if own > output_stride { (1, own / output_stride) } else { (2, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_below_the_output_stride_are_dilated() {
        let cases = [(32, 32, (2, 1)), (32, 16, (1, 2)), (16, 16, (2, 1)), (16, 8, (1, 2)), (32, 8, (1, 4))];
        for (own, output_stride, expected) in cases {
            assert_eq!(dilate(own, output_stride), expected, "{own} at {output_stride}");
        }
    }
}
