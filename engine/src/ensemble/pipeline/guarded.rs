//! Keeps a fault in one image from ending the run: panics are caught, and memory is checked before it is needed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::trace::{Keep, Trace};
use crate::Radiograph;
use crate::ensemble::Ensemble;
use crate::ensemble::device::slot::DeviceSlot;
use crate::ensemble::error::ImageError;
use crate::ensemble::member::prepare::Prepared;

/// Runs work on one or several images; a panic becomes an error.
///
/// What the work changes must be unused after a panic, or consistent in spite of it: counters, and mutexes whose data
/// are replaced in one step.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(ImageError::Panic { message: message(panic.as_ref()) }))
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// Checks that `bytes` bytes can be allocated, by allocating and freeing them: an allocation that fails later, within a
/// library, would end the process.
fn check_memory(bytes: usize) -> Result<(), ImageError> {
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| ImageError::Memory { bytes })
}

impl Ensemble {
    /// Sends images through the stages, as [`Ensemble::trace`] does. If that panics, or there is not enough memory for
    /// all of them, each is processed by itself, so that only those fail that have to.
    pub(in crate::ensemble) fn trace_guarded(
        &self,
        slot: DeviceSlot<'_>,
        radiographs: &[&Radiograph],
        prepared: Prepared,
    ) -> Vec<Result<Trace, ImageError>> {
        let bytes = radiographs.iter().map(|radiograph| self.bytes_besides(radiograph)).fold(0, usize::saturating_add);
        let all = || {
            check_memory(bytes)?;
            Ok(self.trace(slot, radiographs, prepared, Keep::Nothing))
        };
        match (guarded(all), radiographs) {
            (Ok(traces), _) => traces,
            (Err(error), [_]) => vec![Err(error)],
            (Err(_), _) => {
                let alone = |one: &&Radiograph| self.trace_guarded(slot, &[*one], Prepared::default());
                radiographs.iter().flat_map(alone).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        let says = |work: fn() -> Result<(), ImageError>| guarded(work).unwrap_err().to_string();
        assert!(says(|| panic!("at pixel {}", 7)).contains("panicked: at pixel 7"));
        assert!(says(|| panic!("plain")).contains("panicked: plain"));
        assert!(says(|| std::panic::panic_any(7)).contains("no message"));
        assert_eq!(guarded(|| Ok(7)).unwrap(), 7);
    }

    #[test]
    fn memory_that_no_machine_has_is_refused() {
        assert!(check_memory(1 << 20).is_ok());
        let error = check_memory(isize::MAX as usize / 2).unwrap_err();
        assert!(matches!(error, ImageError::Memory { bytes } if bytes == isize::MAX as usize / 2), "{error}");
    }
}
