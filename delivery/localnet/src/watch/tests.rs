//! What the tasks make of looks and lines.

use super::*;

#[tokio::test]
async fn lines_of_files_and_of_the_receiver_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let record: SharedRecord = Arc::new(Mutex::new(Record::new()));
    // A file that is no access log's, and a directory that is not there yet.
    std::fs::write(folder.path().join("envoy.log"), "noise\n").unwrap();
    let late = folder.path().join("late");
    let directories =
        vec![("ns/app".to_owned(), folder.path().to_owned()), ("ns/late".to_owned(), late.clone())];
    let watch = Watch::start(Vec::new(), Vec::new(), directories, record.clone());
    let mut changes = watch.live().changes();
    std::fs::write(folder.path().join("inbound.mesh.log"), "one\ntwo\nhal").unwrap();
    std::fs::create_dir(&late).unwrap();
    std::fs::write(late.join("gateway.mesh.log"), "late\n").unwrap();
    let line = r#"{"log":{"protocol":"otlp_grpc","reporter":"ns/app;outbound;otel","time_ns":1,"body":"three","attributes":{}}}"#;
    locked(&record).received(line);
    let seen = tokio::time::timeout(Duration::from_secs(20), async {
        while watch.live().snapshot().logs_seen < 4 {
            changes.changed().await.unwrap();
        }
        watch.live().snapshot()
    });
    let seen = seen.await.unwrap();
    let mut lines: Vec<_> =
        seen.access_logs.iter().map(|log| (&*log.proxy, &*log.class, &*log.text)).collect();
    lines.sort_unstable();
    let expected = [
        ("ns/app", "inbound", "one"),
        ("ns/app", "inbound", "two"),
        ("ns/app", "outbound", "three"),
        ("ns/late", "gateway", "late"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_page_that_stays_the_same_is_shown_until_nothing_grows() {
    const PAGE: &str = "istio_requests_total{reporter=\"source\"} 4\n\
        envoy_http_0_0_0_80_downstream_rq_total{envoy_http_conn_manager_prefix=\"outbound_0\"} 4\n";
    let mut look = Look::new();
    assert!(look.proxy("ns/gw", PAGE.to_owned()));
    let names: Vec<_> = look.metrics.iter().map(|metric| metric.series.name.as_str()).collect();
    assert_eq!(names, ["istio_requests_total"]);
    assert_eq!((look.metrics[0].series.value, look.per_second), (4.0, 0.0));
    assert!(!look.proxy("ns/gw", PAGE.to_owned()), "nothing differs");
    assert!(look.proxy("ns/gw", PAGE.replace('4', "6")));
    assert!(look.metrics[0].per_second > 0.0 && look.per_second > 0.0);
    // It still grew in the last seconds, and the rate becomes less.
    assert!(look.proxy("ns/gw", PAGE.replace('4', "6")));
}

#[test]
fn a_process_is_silent_from_the_second_look_without_an_answer_until_it_answers() {
    let mut look = Look::new();
    let (first, second) = (Instant::now(), Instant::now() + Duration::from_secs(3));
    look.note(first, false);
    assert_eq!(look.silent_since(), None);
    look.note(second, false);
    assert_eq!(look.silent_since(), Some(first));
    look.note(second, true);
    assert_eq!(look.silent_since(), None);
}

#[test]
fn the_last_ones_are_kept() {
    let mut last = vec![1, 2];
    add(&mut last, vec![3, 4, 5], 4);
    assert_eq!(last, [2, 3, 4, 5]);
}
