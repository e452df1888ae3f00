//! The C header and its Rust mirror agree, field by field.

use std::fmt::Write;
use std::mem::{align_of, offset_of, size_of};
use std::process::Command;

use pleura_plugin::abi;

use crate::build;

/// A line of C that prints a number, and its value in Rust.
struct Line {
    c: String,
    rust: usize,
}

/// Sizes, alignments and offsets of a struct: `layout!(lines, "pleura_str", abi::Str, data, len)`.
macro_rules! layout {
    ($lines:ident, $c:literal, $rust:ty, $($field:ident),+) => {
        $lines.push(Line { c: format!("sizeof({})", $c), rust: size_of::<$rust>() });
        $lines.push(Line { c: format!("_Alignof({})", $c), rust: align_of::<$rust>() });
        $($lines.push(Line { c: format!("offsetof({}, {})", $c, stringify!($field)), rust: offset_of!($rust, $field) });)+
        // A field that only C has would change the size, or hide in the padding.
        let fields = [$(stringify!($field)),+];
        assert_eq!(fields.len(), fields_in_header($c), "fields of {}", $c);
    };
}

#[test]
fn sizes_offsets_and_constants_are_those_of_the_header() {
    let mut lines = Vec::new();
    layout!(lines, "pleura_str", abi::Str, data, len);
    layout!(lines, "pleura_plane", abi::Plane, data, height, width);
    layout!(lines, "pleura_plane_mut", abi::PlaneMut, data, height, width);
    layout!(lines, "pleura_host", abi::Host, sink, error);
    layout!(
        lines,
        "pleura_context",
        abi::Context,
        struct_size,
        image_id,
        original_height,
        original_width,
        score_low,
        score_high,
        spacing_row,
        spacing_column
    );
    layout!(
        lines,
        "pleura_plugin_table",
        abi::Table,
        struct_size,
        abi_major,
        abi_minor,
        name,
        version,
        capabilities,
        create,
        destroy,
        prepare,
        views,
        view_size,
        forward,
        inverse,
        postprocess,
        use_log
    );
    let constants = [
        ("PLEURA_ABI_MAJOR", u32::from(abi::ABI_MAJOR)),
        ("PLEURA_ABI_MINOR", u32::from(abi::ABI_MINOR)),
        ("PLEURA_OK", abi::OK),
        ("PLEURA_PREPARE", abi::PREPARE),
        ("PLEURA_TTA", abi::TTA),
        ("PLEURA_POSTPROCESS", abi::POSTPROCESS),
        ("PLEURA_USES_SCORE", abi::USES_SCORE),
        ("PLEURA_LOG_ERROR", abi::LOG_ERROR),
        ("PLEURA_LOG_WARN", abi::LOG_WARN),
        ("PLEURA_LOG_INFO", abi::LOG_INFO),
        ("PLEURA_LOG_DEBUG", abi::LOG_DEBUG),
    ];
    lines.extend(constants.map(|(c, rust)| Line { c: c.to_owned(), rust: rust as usize }));

    let printed = run_c(&lines);
    let printed: Vec<usize> = printed.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(printed.len(), lines.len());
    let differ: Vec<_> = lines.iter().zip(&printed).filter(|(line, printed)| line.rust != **printed).collect();
    let text = differ.iter().fold(String::new(), |mut text, (line, printed)| {
        let _ = writeln!(text, "{}: {printed} in C, {} in Rust", line.c, line.rust);
        text
    });
    assert!(differ.is_empty(), "\n{text}");
}

#[test]
fn the_header_is_also_cpp() {
    let source = "#include <pleura_plugin.h>\nstatic pleura_plugin_table table;\n\
                  const pleura_plugin_table *pleura_plugin(void) { return &table; }\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.cpp");
    std::fs::write(&file, source).unwrap();
    let flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"];
    build::run(Command::new("c++").args(flags).arg(build::include()).arg(file));
}

fn run_c(lines: &[Line]) -> String {
    let prints = lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "    printf(\"%zu\\n\", (size_t)({}));", line.c);
        text
    });
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("layout.c"), folder.path().join("layout"));
    std::fs::write(&source, format!("#include <stdio.h>\n#include <pleura_plugin.h>\nint main(void) {{\n{prints}}}\n"))
        .unwrap();
    let flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"];
    build::run(Command::new("cc").args(flags).arg(build::include()).arg("-o").arg(&program).arg(&source));
    build::run(&mut Command::new(program))
}

/// The number of fields that the header's struct has: names before `;` or `,`, and function pointers.
fn fields_in_header(name: &str) -> usize {
    let header = std::fs::read_to_string(build::include().join("pleura_plugin.h")).unwrap();
    let end = header.find(&format!("}} {name};")).unwrap();
    let body = &header[header[..end].rfind("typedef struct {").unwrap()..end];
    let body = body.split_once('{').unwrap().1;
    let without_comments: String =
        body.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, after)| after)).collect();
    let declarations = without_comments.split(';').filter(|declaration| !declaration.trim().is_empty());
    declarations.map(|declaration| if declaration.contains("(*") { 1 } else { declaration.split(',').count() }).sum()
}
