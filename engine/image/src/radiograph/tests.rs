//! Radiographs from values and from files' bytes.

use ndarray::array;

use super::*;

#[test]
fn values_that_are_no_image_are_errors() {
    let good = array![[0.0, 1.0], [2.0, 3.0]];
    let radiograph = Radiograph::from_values("a", good.clone().reversed_axes(), (0.0, 3.0)).unwrap();
    assert_eq!(radiograph.intensities(Intensity::Stored), array![[0.0, 2.0 / 3.0], [1.0 / 3.0, 1.0]]);
    let cases = [
        ("", good.clone(), (0.0, 3.0), "is empty"),
        ("a\n", good.clone(), (0.0, 3.0), "blank"),
        ("a", Array2::zeros((0, 0)), (0.0, 3.0), "found 0×0"),
        ("a", Array2::zeros((3, 0)), (0.0, 3.0), "found 3×0"),
        ("a", Array2::zeros((1, 16_385)), (0.0, 3.0), "found 1×16385"),
        ("a", array![[0.0, f32::NAN]], (0.0, 3.0), "found NaN in row 0, column 1"),
        ("a", array![[0.0], [f32::INFINITY]], (0.0, 3.0), "found inf in row 1, column 0"),
        ("a", good.clone(), (3.0, 0.0), "found 3 to 0"),
        ("a", good.clone(), (1.0, 1.0), "found 1 to 1"),
        ("a", good.clone(), (0.0, f32::NAN), "found 0 to NaN"),
        ("a", good.clone(), (f32::NEG_INFINITY, 0.0), "found -inf to 0"),
        ("a", good, (f32::MIN, f32::MAX), "finite"),
    ];
    for (id, values, range, expected) in cases {
        let message = Radiograph::from_values(id, values, range).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn values_come_with_what_is_known_of_them() {
    let about = ValuesAbout { id: "a".into(), range: (0.0, 4.0), inverted: true, spacing: Some((0.14, 0.2)) };
    let radiograph = Radiograph::try_from_values(array![[0.0, 1.0]], about.clone()).unwrap();
    assert_eq!(radiograph.intensities(Intensity::Stored), array![[1.0, 0.75]]);
    assert_eq!((radiograph.spacing(), radiograph.is_inverted()), (Some((0.14, 0.2)), true));
    let flat = ValuesAbout { spacing: Some((0.14, 0.0)), ..about };
    let error = Radiograph::try_from_values(array![[0.0]], flat).unwrap_err().to_string();
    assert!(error.contains("above 0 mm, found 0.14 and 0"), "{error}");
}

#[test]
fn numbers_may_be_as_narrow_as_they_are() {
    let about = || ValuesAbout { id: "a".into(), range: (0.0, 200.0), inverted: true, spacing: None };
    let floats = array![[0.0_f32, 7.0, 200.0], [255.0, 1.0, 100.0]];
    let wide = Radiograph::try_from_values(floats.clone(), about()).unwrap();
    let columns_first = floats.mapv(|value| value as u8).reversed_axes().as_standard_layout().into_owned();
    for narrow in
        [GreyValues::Words(floats.mapv(|value| value as u16)), GreyValues::Bytes(columns_first.reversed_axes())]
    {
        let radiograph = Radiograph::try_from_grey(narrow, about()).unwrap();
        assert_eq!((radiograph.values(), radiograph.digest()), (wide.values(), wide.digest()));
        assert_eq!(radiograph.intensities(Intensity::Stored), wide.intensities(Intensity::Stored));
        for (rows, size) in [(0..2, Size::new(3, 7)), (1..2, Size::new(1, 3)), (0..2, Size::new(2, 3))] {
            let part =
                |image: &Radiograph| image.resized_part(Intensity::Stored, (rows.clone(), 0..3), size, Resize::Linear);
            assert_eq!(part(&radiograph), part(&wide));
        }
    }
    let empty = Radiograph::try_from_grey(GreyValues::Bytes(Array2::zeros((0, 3))), about());
    assert!(empty.unwrap_err().to_string().contains("found 0×3"));
}

#[test]
fn a_uid_is_an_id_to_its_end() {
    let mut png = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(2, 2).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let id = |path: &str| Radiograph::decode(png.get_ref(), path).map(|radiograph| radiograph.id().to_owned());
    assert_eq!(id("1.2.840.113619").unwrap(), "1.2.840.113619");
    assert_eq!(id("folder/1.2.840.113619.png").unwrap(), "1.2.840.113619");
    for nameless in ["", "/", ".."] {
        assert!(id(nameless).unwrap_err().to_string().contains("is empty"), "{nameless}");
    }
    assert!(id("a\nb.png").unwrap_err().to_string().contains("control character"));
}

#[test]
#[should_panic(expected = "a width of 1 or more, found NaN and 2")]
fn a_window_that_is_none_is_not_applied() {
    let radiograph = Radiograph::from_values("a", array![[1.0]], (0.0, 3.0)).unwrap();
    let _ = radiograph.intensities(Intensity::Fixed { center: f32::NAN, width: 2.0 });
}
