//! Classifies the reasons that the kubelet gives for a container that waits. Pure.

/// Kinds of start failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFailureKind {
    /// The image could not be pulled.
    Pull,
    /// The image cannot be used.
    Image,
    /// The container could not be created or started.
    Create,
    /// The process keeps ending.
    CrashLoop,
}

/// The kind of start failure that a reason stands for; none for reasons that pass by themselves.
pub fn start_failure_kind(reason: &str) -> Option<StartFailureKind> {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" | "SignatureValidationFailed" => {
            Some(StartFailureKind::Pull)
        }
        "ErrImageNeverPull" | "InvalidImageName" | "ImageInspectError" => Some(StartFailureKind::Image),
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError" => Some(StartFailureKind::Create),
        "CrashLoopBackOff" => Some(StartFailureKind::CrashLoop),
        _ => None,
    }
}

/// Reports whether every container waits for this reason before it starts.
pub fn is_normal_waiting(reason: &str) -> bool {
    matches!(reason, "ContainerCreating" | "PodInitializing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_each_start_failure_and_no_normal_waiting() {
        for (reason, kind) in [
            ("RegistryUnavailable", StartFailureKind::Pull),
            ("SignatureValidationFailed", StartFailureKind::Pull),
            ("ImageInspectError", StartFailureKind::Image),
            ("PreStartHookError", StartFailureKind::Create),
            ("CrashLoopBackOff", StartFailureKind::CrashLoop),
        ] {
            assert_eq!(start_failure_kind(reason), Some(kind), "{reason}");
            assert!(!is_normal_waiting(reason), "{reason}");
        }
        for reason in ["ContainerCreating", "PodInitializing"] {
            assert!(is_normal_waiting(reason) && start_failure_kind(reason).is_none(), "{reason}");
        }
    }
}
