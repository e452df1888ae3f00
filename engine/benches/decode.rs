//! DICOM decoding: a generated 1024×1024 JPEG Baseline file, the same uncompressed, and a real one if available.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dicom_core::value::{PixelFragmentSequence, Value};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use image::codecs::jpeg::JpegEncoder;
use pleura::Radiograph;
use pleura::manifest::Intensity;

const SIDE: u16 = 1024;

/// Waves with some noise: as compressible as a radiograph.
fn pixels() -> Vec<u8> {
    let mut noise = 1_u32;
    let mut pixel = |row: u16, col: u16| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wave = (f32::from(row) / 90.0).sin() + (f32::from(col) / 60.0).cos();
        (128.0 + 50.0 * wave + (noise >> 29) as f32) as u8
    };
    (0..SIDE).flat_map(|row| (0..SIDE).map(move |col| (row, col))).map(|(row, col)| pixel(row, col)).collect()
}

fn file(pixel_data: Value<InMemDicomObject, Vec<u8>>, syntax: &str) -> Vec<u8> {
    let numbers = [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, SIDE),
        (tags::COLUMNS, SIDE),
        (tags::BITS_ALLOCATED, 8),
        (tags::BITS_STORED, 8),
        (tags::HIGH_BIT, 7),
        (tags::PIXEL_REPRESENTATION, 0),
    ];
    let mut object = InMemDicomObject::from_element_iter(
        numbers.map(|(tag, n)| DataElement::new(tag, VR::US, PrimitiveValue::from(n))),
    );
    let photometric = PrimitiveValue::from("MONOCHROME2");
    object.put(DataElement::new(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric));
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, pixel_data));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(syntax)
        .media_storage_sop_class_uid(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("1.2.3.4");
    let mut bytes = Vec::new();
    object.with_exact_meta(meta.build().expect("complete")).write_all(&mut bytes).expect("into memory");
    bytes
}

fn baseline(pixels: &[u8]) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
    encoder.encode(pixels, SIDE.into(), SIDE.into(), image::ExtendedColorType::L8).expect("into memory");
    jpeg.resize(jpeg.len().next_multiple_of(2), 0);
    let sequence: PixelFragmentSequence<Vec<u8>> = PixelFragmentSequence::new(Vec::<u32>::new(), vec![jpeg]);
    file(Value::from(sequence), uids::JPEG_BASELINE8_BIT)
}

/// The first SIIM image in `$PLEURA_DATA` or `../shared/data`, if there is one.
fn real() -> Option<Vec<u8>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let data = std::env::var_os("PLEURA_DATA").map_or_else(beside, Into::into);
    let files = pleura::radiograph::find(&[data.join("siim/train_dicom")]).ok()?;
    std::fs::read(files.first()?).ok()
}

fn decode(criterion: &mut Criterion) {
    let pixels = pixels();
    let plain = file(PrimitiveValue::from(pixels.as_slice()).into(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let files = [("uncompressed", Some(plain)), ("jpeg-baseline", Some(baseline(&pixels))), ("siim", real())];
    let mut group = criterion.benchmark_group("decode-1024");
    group.throughput(Throughput::Elements(u64::from(SIDE).pow(2)));
    for (name, bytes) in files.into_iter().filter_map(|(name, bytes)| Some((name, bytes?))) {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Radiograph::decode(black_box(&bytes), "image.dcm").expect("a sound file"));
        });
        let radiograph = Radiograph::decode(&bytes, "image.dcm").expect("a sound file");
        group.bench_function(format!("{name}-stored-intensities"), |bencher| {
            bencher.iter(|| black_box(&radiograph).intensities(Intensity::Stored));
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
