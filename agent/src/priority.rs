//! The application comes first: the agent's threads step back when the machine is busy.

use std::io;

/// Raises the nice value of the calling thread, and of the threads that it starts afterwards, by `by` (0 to 19).
///
/// # Errors
/// If the operating system refuses.
pub fn step_back(by: i32) -> io::Result<()> {
    if by > 0 {
        rustix::process::nice(by)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::step_back;

    /// Scenario: a thread steps back by 3. Guarantee: its nice value is 3 higher, and other threads keep theirs.
    #[test]
    fn a_thread_steps_back_alone() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let after = std::thread::spawn(move || {
            step_back(3).unwrap();
            nice()
        });
        assert_eq!(after.join().unwrap(), (before + 3).min(19));
        assert_eq!(nice(), before);
    }
}
