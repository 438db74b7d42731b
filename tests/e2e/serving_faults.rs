//! `burgee serve` when things go wrong: servers and proxies that are killed under load, that stand still, connections that say
//! nothing, a disk that takes no more, a clock that is set; and that nothing grows meanwhile.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::load::Load;
use crate::support::served::{Served, ServedProxy, Story, gateway, script, sidecar, wait_for_header};
use crate::support::{eventually, tools};

/// A mesh whose gateway says `zero`.
fn story() -> Story {
    let story = Story::new("");
    say(&story, "zero");
    story
}

/// A script at the gateway says this in each answer.
fn say(story: &Story, value: &str) {
    story.write("script.yaml", &script(&format!("\"{value}\"")));
}

fn wait_for(address: &str, value: &str) {
    wait_for_header(address, "x-script", Some(value));
}

/// One of several gateways of the same workload.
fn gateway_of(server: &str, pod: &str) -> ServedProxy {
    gateway(server, &["--pod", pod])
}

/// A file of what outlives the server.
fn kept(story: &Story, name: &str) -> PathBuf {
    story.folder.path().join("state").join(name)
}

/// Resident memory of a process, in kilobytes.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// How many files a process has open.
fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count()
}

#[test]
fn servers_and_proxies_that_are_killed_again_and_again_are_felt_by_no_request_to_others() {
    let Some(h2load) = tools::h2load() else { return };
    let story = story();
    let mut served = story.serve();
    let address = served.address.clone();
    let gateway = gateway_of(&address, "first");
    let mut other = gateway_of(&address, "other");
    let _sidecar = sidecar(&address, &[]);
    served.wait_for_proxies(3);
    let entrance = gateway.proxy.listener("entrance");
    wait_for(&entrance, "zero");
    let mut load = Load::start(&h2load, &entrance, "web.example", 40);
    // From before a change is read, over while it is pushed, to when everybody has it.
    for (round, wait) in [0, 30, 55, 80, 400].into_iter().enumerate() {
        say(&story, &format!("lost{round}"));
        std::thread::sleep(Duration::from_millis(wait));
        if round % 2 == 0 {
            other.proxy.signal(Signal::SIGKILL);
        }
        served.held.signal(Signal::SIGKILL);
        served.held.wait(Duration::from_secs(20));
        // What a server leaves that is killed while it writes.
        let unfinished = [".unfinished-1", "sets/.unfinished-2"].map(|name| kept(&story, name));
        unfinished.iter().for_each(|file| fs::write(file, "{").expect("a file"));
        if round == 1 {
            fs::write(kept(&story, "documents.json"), "{").expect("a file");
        }
        served = story.serve_at(&address, &[]);
        assert!(!unfinished.iter().any(|file| file.exists()), "they are removed");
        assert_eq!(served.held.stderr().contains("documents.json is no JSON"), round == 1);
        if round % 2 == 0 {
            other = gateway_of(&address, "other");
        }
        say(&story, &format!("round{round}"));
        wait_for(&entrance, &format!("round{round}"));
        wait_for(&other.proxy.listener("entrance"), &format!("round{round}"));
        served.wait_for_proxies(3);
    }
    assert!(load.is_running(), "all of it came while requests were sent");
    load.expect_no_failure();
}

#[test]
fn proxies_that_come_and_go_and_documents_that_change_make_nothing_grow() {
    let story = story();
    let served = story.serve();
    let _sidecar = sidecar(&served.address, &[]);
    let pid = served.held.pid();
    let mut first = (0, 0);
    for round in 0..12 {
        let gateway = gateway_of(&served.address, "first");
        served.wait_for_proxies(2);
        let entrance = gateway.proxy.listener("entrance");
        for change in 0..5 {
            say(&story, &format!("{round}-{change}"));
            wait_for(&entrance, &format!("{round}-{change}"));
        }
        // Killed, as Proxy does.
        drop(gateway);
        served.wait_for_proxies(1);
        if round == 3 {
            first = (memory(pid), open_files(pid));
        }
    }
    let last = memory(pid);
    let bound = first.0 + first.0 / 4 + 8192;
    assert!(last < bound, "{} kB after the fourth round, {last} kB after the last", first.0);
    eventually("as many open files as before", || {
        let open = open_files(pid);
        if open <= first.1 { Ok(()) } else { Err(format!("{open}, not {}", first.1)) }
    });
    let kept = fs::read_dir(kept(&story, "sets")).expect("a folder").count();
    assert_eq!(kept, 0, "nothing was refused, so nothing is kept beside what is in force");
}

#[test]
fn what_stands_still_keeps_nobody_else_from_going_on() {
    let story = story();
    let served = story.serve();
    let gateway = gateway_of(&served.address, "first");
    let other = gateway_of(&served.address, "other");
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(3);
    let entrance = gateway.proxy.listener("entrance");
    let other_entrance = other.proxy.listener("entrance");
    // Hundreds that connect and say nothing, or just so much that they might say more.
    let silent: Vec<TcpStream> = (0..300)
        .map(|number| {
            let mut stream = TcpStream::connect(&served.address).expect("a connection");
            if number % 2 == 0 {
                stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("a preface");
            }
            stream
        })
        .collect();
    say(&story, "beside");
    wait_for(&entrance, "beside");
    drop(silent);
    // A proxy that stands still, then goes on and has what it missed.
    other.proxy.signal(Signal::SIGSTOP);
    for number in 0..5 {
        // Emptied first, as many editors do.
        fs::write(story.documents.join("script.yaml"), "").expect("a file");
        say(&story, &format!("still{number}"));
        wait_for(&entrance, &format!("still{number}"));
    }
    served.wait_until("one that is behind", |status| {
        (status["connected"] == 3 && status["behind"] == 1).then_some(())
    });
    other.proxy.signal(Signal::SIGCONT);
    served.wait_for_proxies(3);
    wait_for(&other_entrance, "still4");
    // The server stands still: requests do not feel it, and what was saved meanwhile takes effect.
    served.held.signal(Signal::SIGSTOP);
    say(&story, "meanwhile");
    wait_for(&entrance, "still4");
    served.held.signal(Signal::SIGCONT);
    wait_for(&entrance, "meanwhile");
}

#[test]
fn a_disk_that_takes_no_more_is_told_and_changes_take_effect_all_the_same() {
    let story = story();
    let mut served = story.serve();
    let gateway = gateway_of(&served.address, "first");
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    // A folder in the way of the file stands for whatever keeps it from being written.
    let file = kept(&story, "documents.json");
    fs::remove_file(&file).expect("it is there");
    fs::create_dir_all(file.join("in the way")).expect("a folder");
    let from = served.held.stderr().len();
    say(&story, "unsaved");
    wait_for(&entrance, "unsaved");
    served.held.wait_until_said(from, "a restart would not know these documents");
    let is_kept = |status: &serde_json::Value| {
        let problems = status["problems"].as_array().expect("problems");
        problems.iter().all(|it| it["code"] != "BG0022")
    };
    served.wait_until("what is not kept is in the status", |status| (!is_kept(status)).then_some(()));
    let told = served.held.stderr().len();
    say(&story, "unsaved too");
    wait_for(&entrance, "unsaved too");
    say(&story, "unsaved");
    wait_for(&entrance, "unsaved");
    assert!(!served.held.stderr()[told..].contains("cannot be written"));
    // Room again: it is kept without another change.
    fs::remove_dir_all(&file).expect("it goes");
    eventually("what is in force is kept", || {
        let kept = fs::read_to_string(&file).map_err(|error| error.to_string())?;
        if kept.contains("unsaved") { Ok(()) } else { Err(kept) }
    });
    let said = served.held.wait_until_said(from, "is kept again");
    served.wait_until("what is kept is no problem any more", |status| is_kept(status).then_some(()));
    assert_eq!(said.matches("cannot be written").count(), 1, "it is tried again, and told once: {said}");
    // Documents of which one cannot be read for a while, and are then what they were before.
    let link = story.documents.join("link.yaml");
    std::os::unix::fs::symlink("nowhere", &link).expect("a link");
    let is_told = |status: &serde_json::Value| {
        let problems = status["problems"].as_array().expect("problems");
        problems.iter().any(|it| it["message"].as_str().is_some_and(|it| it.contains("leads nowhere")))
    };
    served.wait_until("what cannot be read", |status| is_told(status).then_some(()));
    wait_for(&entrance, "unsaved");
    // A server that starts meanwhile has what was good before.
    let address = served.address.clone();
    served.held.end_by(Signal::SIGKILL);
    let mut served = story.serve_at(&address, &[]);
    served.wait_for_proxies(2);
    served.wait_until("what cannot be read", |status| is_told(status).then_some(()));
    let new = gateway_of(&address, "new");
    wait_for(&new.proxy.listener("entrance"), "unsaved");
    drop(new);
    fs::remove_file(&link).expect("it is there");
    served.wait_until("no complaint", |status| (!is_told(status)).then_some(()));
    // The documents go away, and come back.
    let away = story.folder.path().join("away");
    let from = served.held.stderr().len();
    fs::rename(&story.documents, &away).expect("it moves");
    served.held.wait_until_said(from, "the last good documents stay in force");
    wait_for(&entrance, "unsaved");
    fs::rename(&away, &story.documents).expect("it moves back");
    say(&story, "back");
    wait_for(&entrance, "back");
}

/// Lets a process open so many files from now on.
fn limit_open_files(pid: u32, most: usize) {
    let limit = format!("--nofile={most}:");
    let status = Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status();
    assert!(status.expect("util-linux is there").success(), "{limit}");
}

#[test]
fn a_server_that_may_open_no_more_files_goes_on_with_what_it_has_and_catches_up() {
    let story = story();
    let mut served = story.serve();
    let gateway = gateway_of(&served.address, "first");
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for(&entrance, "zero");
    let pid = served.held.pid();
    let from = served.held.stderr().len();
    // Every new one has a number beyond that.
    limit_open_files(pid, 3);
    let _more = TcpStream::connect(&served.address).expect("it waits in line");
    say(&story, "unread");
    for text in ["nothing can be accepted", "the last good documents stay in force"] {
        served.held.wait_until_said(from, text);
    }
    wait_for(&entrance, "zero");
    limit_open_files(pid, 1024);
    wait_for(&entrance, "unread");
    served.wait_for_proxies(2);
    let said = served.held.stderr()[from..].to_owned();
    assert!(!said.contains("disconnected"), "{said}");
    assert_eq!(said.matches("nothing can be accepted").count(), 1, "{said}");
}

/// A file system of 64 kB that is full, in a place; gone with this. None where nothing may be mounted; then this says so.
struct FullDisk(PathBuf);

impl FullDisk {
    fn mount(place: PathBuf) -> Option<FullDisk> {
        fs::create_dir_all(&place).expect("a folder");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&place).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: a full disk: this user may mount nothing");
            return None;
        }
        let disk = FullDisk(place);
        let full = fs::write(disk.0.join("full"), vec![0; 1 << 20]).expect_err("it takes 64 kB");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        Some(disk)
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("full")).expect("it is there");
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn on_a_disk_that_is_full_everything_works_and_is_kept_when_there_is_room() {
    let story = story();
    let Some(disk) = FullDisk::mount(story.folder.path().join("state")) else { return };
    let served = story.serve();
    let gateway = gateway_of(&served.address, "first");
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for(&entrance, "zero");
    let problems = |status: &serde_json::Value| status["problems"].as_array().expect("problems").clone();
    let told = served.wait_until("what is not kept", |status| problems(status).first().cloned());
    assert_eq!(told["code"], "BG0022", "{told}");
    assert!(told["message"].as_str().is_some_and(|it| it.contains("No space left on device")), "{told}");
    // Even what is refused comes back.
    story.write("script.yaml", &script("(("));
    served.wait_until("the refusal", |status| {
        let documents = status["documents"].as_array()?;
        documents.iter().any(|document| !document["refused"][0]["error"].is_null()).then_some(())
    });
    wait_for(&entrance, "zero");
    disk.make_room();
    served.wait_until("no problem", |status| problems(status).is_empty().then_some(()));
    let held = fs::read_to_string(kept(&story, "holds.json")).expect("what is held back");
    assert!(held.contains("script load error"), "{held}");
    served.held.end_by(Signal::SIGTERM);
}

#[test]
fn a_clock_that_is_set_back_and_forth_is_felt_by_nobody() {
    let Some(library) = tools::faketime() else { return };
    let story = story();
    let clock = story.folder.path().join("clock");
    let set = |by: &str| {
        let beside = story.folder.path().join("clock.new");
        fs::write(&beside, by).and_then(|()| fs::rename(&beside, &clock)).expect("a clock");
    };
    set("+0");
    let served = story.serve_with(|program| {
        program
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
    });
    let gateway = gateway_of(&served.address, "first");
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for(&entrance, "zero");
    let day = |log: &str| log.lines().last().and_then(|line| line.get(..10)).map(str::to_owned);
    let mut days = std::collections::BTreeSet::new();
    for (round, by) in ["+3d", "-400d", "+0", "+90d"].into_iter().enumerate() {
        set(by);
        say(&story, &format!("round {round}"));
        wait_for(&entrance, &format!("round {round}"));
        served.wait_for_proxies(2);
        days.extend(day(&served.held.stderr()));
        // Who came when is told by the clock as it is set now, so it was a moment ago.
        let status = served.status();
        let proxies = status["proxies"].as_array().expect("proxies");
        let times = proxies.iter().flat_map(|it| [&it["connected_since"], &it["acknowledged_at"]]);
        let times: Vec<f64> = times.map(|time| time.as_f64().expect("a time")).collect();
        assert!(times.iter().all(|time| (time - times[0]).abs() < 60.0), "{times:?}");
        let took =
            served.wait_until("how the change went", |status| status["last_change"]["took_ms"].as_u64());
        assert!(took < 60_000, "{took} ms");
    }
    assert!(days.len() > 2, "the clock of the server was set: {days:?}");
    // What is refused is held back, and let go by another version, whatever the time is.
    story.write("script.yaml", &script("(("));
    let refused = |served: &Served, count: usize| {
        served.wait_until("what is refused", |status| {
            let documents = status["documents"].as_array()?;
            let refused: usize =
                documents.iter().filter_map(|it| Some(it["refused"].as_array()?.len())).sum();
            (refused == count).then_some(())
        });
    };
    refused(&served, 1);
    set("-400d");
    wait_for(&entrance, "round 3");
    say(&story, "end");
    wait_for(&entrance, "end");
    refused(&served, 0);
    let log = served.held.end_by(Signal::SIGTERM).expect_code(0).stderr;
    assert!(!log.contains("panicked"), "{log}");
}
