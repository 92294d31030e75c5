//! The shape of scheduler calls: the right part for the type, and nothing oversized.

use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::Type;

use super::{Check, Invalid, require};

/// The most items of one repeated field of a call (offers, operations, tasks). Far above what any
/// framework needs at once, far below what would hold up the master.
const MAX_ITEMS: usize = 100_000;

/// The most bytes of the id of a stream.
pub const MAX_STREAM_ID_LENGTH: usize = 128;

/// Why a call is refused before anything is looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The call has no meaning.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The type is none this master knows.
    #[error("Received unknown call type {0}")]
    UnknownType(i32),
}

/// Checks the structure of a call and returns its type.
///
/// # Errors
/// If the type is absent or unknown, the part the type needs is absent, or ids are missing.
pub fn call(call: &Call) -> Result<Type, CallError> {
    let number = call
        .r#type
        .ok_or_else(|| Invalid::new("Expecting 'type' to be present"))?;
    let kind = match Type::try_from(number) {
        Ok(Type::Unknown) | Err(_) => return Err(CallError::UnknownType(number)),
        Ok(kind) => kind,
    };
    if kind == Type::Subscribe {
        subscribe(call)?;
    } else {
        require(
            call.framework_id
                .as_ref()
                .is_some_and(|id| !id.value.is_empty()),
            "Expecting 'framework_id' to be present",
        )?;
        part(call, kind)?;
    }
    Ok(kind)
}

fn subscribe(call: &Call) -> Check {
    let Some(subscribe) = &call.subscribe else {
        return Err(missing("subscribe"));
    };
    // An empty id is what some clients send instead of none.
    let in_info = subscribe
        .framework_info
        .id
        .as_ref()
        .filter(|id| !id.value.is_empty());
    let in_call = call.framework_id.as_ref().filter(|id| !id.value.is_empty());
    require(
        in_info == in_call,
        "'framework_id' differs from 'subscribe.framework_info.id'",
    )
}

fn part(call: &Call, kind: Type) -> Check {
    let present = |is: bool, name: &str| if is { Ok(()) } else { Err(missing(name)) };
    match kind {
        Type::Unknown | Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress => Ok(()),
        Type::Accept => accept(call),
        Type::Decline => {
            let decline = call.decline.as_ref().ok_or_else(|| missing("decline"))?;
            items(decline.offer_ids.len(), "decline.offer_ids")
        }
        Type::AcceptInverseOffers => present(
            call.accept_inverse_offers.is_some(),
            "accept_inverse_offers",
        ),
        Type::DeclineInverseOffers => present(
            call.decline_inverse_offers.is_some(),
            "decline_inverse_offers",
        ),
        Type::Kill => present(call.kill.is_some(), "kill"),
        Type::Shutdown => present(call.shutdown.is_some(), "shutdown"),
        Type::Acknowledge => {
            let acknowledge = call
                .acknowledge
                .as_ref()
                .ok_or_else(|| missing("acknowledge"))?;
            uuid(&acknowledge.uuid)
        }
        Type::AcknowledgeOperationStatus => {
            let acknowledge = call
                .acknowledge_operation_status
                .as_ref()
                .ok_or_else(|| missing("acknowledge_operation_status"))?;
            uuid(&acknowledge.uuid)
        }
        Type::Reconcile => {
            let reconcile = call
                .reconcile
                .as_ref()
                .ok_or_else(|| missing("reconcile"))?;
            items(reconcile.tasks.len(), "reconcile.tasks")
        }
        Type::ReconcileOperations => {
            present(call.reconcile_operations.is_some(), "reconcile_operations")
        }
        Type::Message => present(call.message.is_some(), "message"),
        Type::Request => present(call.request.is_some(), "request"),
        Type::UpdateFramework => update_framework(call),
    }
}

fn accept(call: &Call) -> Check {
    use mesos::v1::offer::operation::Type as Operation;

    let accept = call.accept.as_ref().ok_or_else(|| missing("accept"))?;
    items(accept.offer_ids.len(), "accept.offer_ids")?;
    items(accept.operations.len(), "accept.operations")?;
    for operation in &accept.operations {
        match operation.r#type() {
            Operation::Launch => {
                let launch = operation
                    .launch
                    .as_ref()
                    .ok_or_else(|| missing("operation.launch"))?;
                items(launch.task_infos.len(), "operation.launch.task_infos")?;
            }
            Operation::LaunchGroup => {
                let group = operation
                    .launch_group
                    .as_ref()
                    .ok_or_else(|| missing("operation.launch_group"))?;
                items(
                    group.task_group.tasks.len(),
                    "operation.launch_group.task_group.tasks",
                )?;
            }
            // Other operations fail one by one, with feedback where they carry an id.
            _ => {}
        }
    }
    Ok(())
}

fn update_framework(call: &Call) -> Check {
    let update = call
        .update_framework
        .as_ref()
        .ok_or_else(|| missing("update_framework"))?;
    require(
        update.framework_info.id == call.framework_id,
        "'framework_id' differs from 'update_framework.framework_info.id'",
    )
}

fn uuid(bytes: &[u8]) -> Check {
    require(
        bytes.len() == 16,
        format!("Expecting 'uuid' to be 16 bytes, not {}", bytes.len()),
    )
}

fn items(count: usize, name: &str) -> Check {
    require(
        count <= MAX_ITEMS,
        format!("'{name}' has {count} items, more than {MAX_ITEMS}"),
    )
}

fn missing(name: &str) -> Invalid {
    Invalid(format!("Expecting '{name}' to be present"))
}

#[cfg(test)]
mod tests {
    use mesos::v1::scheduler::call::*;
    use mesos::v1::{FrameworkId, FrameworkInfo, offer};

    use super::*;

    fn of(kind: Type) -> Call {
        Call {
            framework_id: Some(FrameworkId { value: "f".into() }),
            r#type: Some(kind as i32),
            ..Default::default()
        }
    }

    #[test]
    fn each_type_needs_its_part() {
        let info = FrameworkInfo {
            id: of(Type::Kill).framework_id,
            ..Default::default()
        };
        let uuid = vec![0; 16];
        let accept = Some(Default::default());
        let update = UpdateFramework {
            framework_info: info,
            ..Default::default()
        };
        let acknowledge = Acknowledge {
            uuid: uuid.clone(),
            ..Default::default()
        };
        let operation = AcknowledgeOperationStatus {
            uuid,
            ..Default::default()
        };
        use Type as T;
        for (kind, complete) in [
            (
                T::Accept,
                Call {
                    accept,
                    ..of(T::Accept)
                },
            ),
            (
                T::Decline,
                Call {
                    decline: Some(Default::default()),
                    ..of(T::Decline)
                },
            ),
            (
                T::Kill,
                Call {
                    kill: Some(Default::default()),
                    ..of(T::Kill)
                },
            ),
            (
                T::Shutdown,
                Call {
                    shutdown: Some(Default::default()),
                    ..of(T::Shutdown)
                },
            ),
            (
                T::Acknowledge,
                Call {
                    acknowledge: Some(acknowledge),
                    ..of(T::Acknowledge)
                },
            ),
            (
                T::Reconcile,
                Call {
                    reconcile: Some(Default::default()),
                    ..of(T::Reconcile)
                },
            ),
            (
                T::Message,
                Call {
                    message: Some(Default::default()),
                    ..of(T::Message)
                },
            ),
            (
                T::Request,
                Call {
                    request: Some(Default::default()),
                    ..of(T::Request)
                },
            ),
            (
                T::UpdateFramework,
                Call {
                    update_framework: Some(update),
                    ..of(T::UpdateFramework)
                },
            ),
            (
                T::AcknowledgeOperationStatus,
                Call {
                    acknowledge_operation_status: Some(operation),
                    ..of(T::AcknowledgeOperationStatus)
                },
            ),
        ] {
            assert_eq!(call(&complete), Ok(kind));
            assert!(call(&of(kind)).is_err(), "{kind:?} without its part");
            let nobody = Call {
                framework_id: None,
                ..complete
            };
            assert!(call(&nobody).is_err(), "{kind:?} of nobody");
        }
        for kind in [T::Teardown, T::Revive, T::Suppress] {
            assert_eq!(call(&of(kind)), Ok(kind));
        }
    }

    #[test]
    fn uuids_have_16_bytes_and_lists_an_end() {
        let short = Acknowledge {
            uuid: vec![0; 15],
            ..Default::default()
        };
        assert!(
            call(&Call {
                acknowledge: Some(short),
                ..of(Type::Acknowledge)
            })
            .is_err()
        );
        let tasks = vec![Default::default(); MAX_ITEMS + 1];
        let many = Call {
            reconcile: Some(Reconcile { tasks }),
            ..of(Type::Reconcile)
        };
        assert!(call(&many).is_err());
    }

    #[test]
    fn a_launch_must_bring_its_tasks() {
        let launch = offer::Operation {
            r#type: Some(offer::operation::Type::Launch as i32),
            ..Default::default()
        };
        let accept = Accept {
            operations: vec![launch],
            ..Default::default()
        };
        assert!(
            call(&Call {
                accept: Some(accept),
                ..of(Type::Accept)
            })
            .is_err()
        );
    }

    #[test]
    fn the_type_is_one_that_is_known() {
        let numbered = |number| Call {
            r#type: number,
            ..of(Type::Kill)
        };
        assert_eq!(call(&numbered(Some(0))), Err(CallError::UnknownType(0)));
        assert_eq!(
            call(&numbered(Some(9_999))),
            Err(CallError::UnknownType(9_999))
        );
        let absent = call(&numbered(None)).expect_err("no type");
        assert_eq!(absent.to_string(), "Expecting 'type' to be present");
    }

    #[test]
    fn what_only_newer_frameworks_send_needs_its_part_too() {
        use Type as T;
        for (kind, field) in [
            (T::AcceptInverseOffers, "accept_inverse_offers"),
            (T::DeclineInverseOffers, "decline_inverse_offers"),
            (T::ReconcileOperations, "reconcile_operations"),
        ] {
            let missing = call(&of(kind)).expect_err("its part");
            assert_eq!(
                missing.to_string(),
                format!("Expecting '{field}' to be present")
            );
            let complete = Call {
                accept_inverse_offers: Some(Default::default()),
                decline_inverse_offers: Some(Default::default()),
                reconcile_operations: Some(Default::default()),
                ..of(kind)
            };
            assert_eq!(call(&complete), Ok(kind));
        }
    }

    /// `None` stands for no id at all, which the empty one means too.
    #[test]
    fn a_subscription_is_of_one_framework() {
        let id = |value: Option<&str>| {
            value.map(|value| FrameworkId {
                value: value.into(),
            })
        };
        for (in_call, in_info, valid) in [
            (None, None, true),
            (Some(""), None, true),
            (None, Some(""), true),
            (Some("f"), Some("f"), true),
            (Some("f"), Some("g"), false),
            (Some("f"), None, false),
            (Some("f"), Some(""), false),
            (None, Some("f"), false),
        ] {
            let framework_info = FrameworkInfo {
                id: id(in_info),
                ..Default::default()
            };
            let subscribe = Call {
                framework_id: id(in_call),
                subscribe: Some(Subscribe {
                    framework_info,
                    ..Default::default()
                }),
                ..of(Type::Subscribe)
            };
            assert_eq!(call(&subscribe).is_ok(), valid, "{in_call:?} {in_info:?}");
        }
        assert!(call(&of(Type::Subscribe)).is_err(), "without its part");
        let empty = Call {
            framework_id: id(Some("")),
            ..of(Type::Revive)
        };
        assert!(call(&empty).is_err(), "nobody revives");
    }

    #[test]
    fn an_update_is_of_the_framework_that_sends_it() {
        let update = |value: &str| {
            let id = Some(FrameworkId {
                value: value.into(),
            });
            let framework_info = FrameworkInfo {
                id,
                ..Default::default()
            };
            let update = UpdateFramework {
                framework_info,
                ..Default::default()
            };
            call(&Call {
                update_framework: Some(update),
                ..of(Type::UpdateFramework)
            })
        };
        assert_eq!(update("f"), Ok(Type::UpdateFramework));
        assert!(update("g").is_err());
    }

    #[test]
    fn a_uuid_is_neither_shorter_nor_longer() {
        for (length, valid) in [(15, false), (16, true), (17, false)] {
            let uuid = vec![0; length];
            let acknowledge = Acknowledge {
                uuid: uuid.clone(),
                ..Default::default()
            };
            let task = Call {
                acknowledge: Some(acknowledge),
                ..of(Type::Acknowledge)
            };
            assert_eq!(call(&task).is_ok(), valid, "{length}");
            let acknowledge = AcknowledgeOperationStatus {
                uuid,
                ..Default::default()
            };
            let operation = Call {
                acknowledge_operation_status: Some(acknowledge),
                ..of(Type::AcknowledgeOperationStatus)
            };
            assert_eq!(call(&operation).is_ok(), valid, "{length}");
        }
    }

    #[test]
    fn no_list_is_longer_than_it_may_be() {
        fn accepting(operations: Vec<offer::Operation>, offers: usize) -> Call {
            let offer_ids = vec![Default::default(); offers];
            let accept = Accept {
                operations,
                offer_ids,
                ..Default::default()
            };
            Call {
                accept: Some(accept),
                ..of(Type::Accept)
            }
        }
        let launch = |count| {
            let task_infos = vec![Default::default(); count];
            let launch = Some(offer::operation::Launch { task_infos });
            let kind = Some(offer::operation::Type::Launch as i32);
            accepting(
                vec![offer::Operation {
                    r#type: kind,
                    launch,
                    ..Default::default()
                }],
                1,
            )
        };
        let group = |count| {
            let mut launch = offer::operation::LaunchGroup::default();
            launch.task_group.tasks = vec![Default::default(); count];
            let kind = Some(offer::operation::Type::LaunchGroup as i32);
            let launch_group = Some(launch);
            accepting(
                vec![offer::Operation {
                    r#type: kind,
                    launch_group,
                    ..Default::default()
                }],
                1,
            )
        };
        let decline = |count| {
            let offer_ids = vec![Default::default(); count];
            let decline = Some(Decline {
                offer_ids,
                ..Default::default()
            });
            Call {
                decline,
                ..of(Type::Decline)
            }
        };
        let lists: [(&str, &dyn Fn(usize) -> Call); 5] = [
            ("accept.offer_ids", &|count| accepting(vec![], count)),
            ("accept.operations", &|count| {
                accepting(vec![Default::default(); count], 1)
            }),
            ("operation.launch.task_infos", &launch),
            ("operation.launch_group.task_group.tasks", &group),
            ("decline.offer_ids", &decline),
        ];
        for (field, list) in lists {
            assert!(call(&list(MAX_ITEMS)).is_ok(), "{field}");
            let error = call(&list(MAX_ITEMS + 1)).expect_err(field).to_string();
            assert_eq!(
                error,
                format!("'{field}' has 100001 items, more than 100000")
            );
        }
    }

    #[test]
    fn a_group_must_bring_its_tasks_and_other_operations_are_looked_at_later() {
        let operation = |kind: offer::operation::Type| {
            let r#type = Some(kind as i32);
            let operations = vec![offer::Operation {
                r#type,
                ..Default::default()
            }];
            let accept = Some(Accept {
                operations,
                ..Default::default()
            });
            call(&Call {
                accept,
                ..of(Type::Accept)
            })
        };
        assert!(operation(offer::operation::Type::LaunchGroup).is_err());
        assert_eq!(operation(offer::operation::Type::Reserve), Ok(Type::Accept));
    }
}
