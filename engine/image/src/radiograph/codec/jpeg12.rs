//! 12-bit JPEG (process 4 of ITU-T T.81, "Extended"), by libjpeg-turbo.
//!
//! The only module that calls libjpeg-turbo. The image has already been checked to be complete and grey.

use std::ffi::CStr;

use turbojpeg_sys as turbo;

use crate::Size;

/// The limit on scans of a progressive image; encoders make about ten, and each costs a pass over all coefficients.
const MOST_SCANS: i32 = 500;

/// Samples of a grey image of this size, row by row. A warning of libjpeg-turbo becomes a remark: completeness has
/// already been checked.
///
/// # Errors
/// libjpeg-turbo's own, and if it reads another size.
pub(super) fn decode(frame: &[u8], size: Size, remarks: &mut Vec<String>) -> Result<Vec<u16>, String> {
    let decoder = Decompressor::new()?;
    decoder.set(turbo::TJPARAM_TJPARAM_SCANLIMIT, MOST_SCANS)?;
    decoder.read_header(frame)?;
    let found = [turbo::TJPARAM_TJPARAM_JPEGHEIGHT, turbo::TJPARAM_TJPARAM_JPEGWIDTH, turbo::TJPARAM_TJPARAM_PRECISION]
        .map(|parameter| decoder.get(parameter));
    let expected = [size.height as i32, size.width as i32, 12];
    if found != expected || decoder.get(turbo::TJPARAM_TJPARAM_COLORSPACE) != turbo::TJCS_TJCS_GRAY as i32 {
        return Err(format!("expected a grey image of {expected:?} (rows, columns, bits), found {found:?}"));
    }
    let (words, warning) = decoder.grey(frame, size)?;
    remarks.extend(warning.map(|warning| format!("the JPEG image is irregular (libjpeg-turbo: {warning})")));
    Ok(words)
}

/// A decompressor, freed on drop.
struct Decompressor(turbo::tjhandle);

impl Decompressor {
    fn new() -> Result<Self, String> {
        // Safety: no precondition; a null handle is an error below.
        let handle = unsafe { turbo::tj3Init(turbo::TJINIT_TJINIT_DECOMPRESS as i32) };
        if handle.is_null() { Err("libjpeg-turbo cannot be initialised".into()) } else { Ok(Self(handle)) }
    }

    fn set(&self, parameter: turbo::TJPARAM, value: i32) -> Result<(), String> {
        // Safety: the handle is valid as long as `self`.
        let code = unsafe { turbo::tj3Set(self.0, parameter as i32, value) };
        self.check(code)
    }

    /// A parameter of the image whose header was read last; -1 if unknown.
    fn get(&self, parameter: turbo::TJPARAM) -> i32 {
        // Safety: the handle is valid as long as `self`.
        unsafe { turbo::tj3Get(self.0, parameter as i32) }
    }

    fn read_header(&self, frame: &[u8]) -> Result<(), String> {
        // Safety: pointer and length are of one slice, which is only read.
        let code = unsafe { turbo::tj3DecompressHeader(self.0, frame.as_ptr(), frame.len() as turbo::size_t) };
        self.check(code)
    }

    /// Decodes an image whose header says grey, 12 bits, and this size; returns the last warning, too.
    fn grey(&self, frame: &[u8], size: Size) -> Result<(Vec<u16>, Option<String>), String> {
        let mut words = vec![0_u16; size.area()];
        // Safety: the image's rows of `width` samples, one each (TJPF_GRAY), fit `words` exactly: the size was read from
        // these very bytes. 12 bits are the same in `i16` and `u16`.
        let code = unsafe {
            turbo::tj3Decompress12(
                self.0,
                frame.as_ptr(),
                frame.len() as turbo::size_t,
                words.as_mut_ptr().cast(),
                size.width as i32,
                turbo::TJPF_TJPF_GRAY,
            )
        };
        // Safety: the handle is valid as long as `self`.
        let severity = unsafe { turbo::tj3GetErrorCode(self.0) };
        match self.check(code) {
            Ok(()) => Ok((words, None)),
            Err(warning) if severity == turbo::TJERR_TJERR_WARNING as i32 => Ok((words, Some(warning))),
            Err(error) => Err(error),
        }
    }

    /// Turns an error code into the handle's message.
    fn check(&self, code: i32) -> Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        // Safety: the text belongs to the handle, ends in a zero, and is copied before the next call.
        let reason = unsafe { CStr::from_ptr(turbo::tj3GetErrorStr(self.0)) };
        Err(reason.to_string_lossy().into_owned())
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // Safety: the handle came from `tj3Init` and is not used again.
        unsafe { turbo::tj3Destroy(self.0) };
    }
}
