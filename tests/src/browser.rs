//! A real browser without a window, driven over its DevTools protocol.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use crate::{eventually, get_json};

const PROGRAM: &str = "chromium";
/// Takes a second; a loaded machine gets more.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// No command takes as long as this unless the browser hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The page looks at the cluster every 1.5 s.
const SHOWN_WITHIN: Duration = Duration::from_secs(30);
/// Size of the window in pixels.
const WINDOW: (u32, u32) = (1280, 800);

/// One page in a headless Chromium; it ends, with all of its processes, when this is dropped.
///
/// Remembers everything that went wrong on the page: see [`Browser::complaints`].
pub struct Browser {
    // Ends before its folder goes.
    _process: Process,
    folder: TempDir,
    socket: WebSocket<TcpStream>,
    commands: u64,
    requests: BTreeMap<String, String>,
    complaints: Vec<String>,
}

impl Browser {
    /// Starts the browser and opens `url`, in light colours and without animations.
    #[track_caller]
    pub fn open(url: &str) -> Browser {
        let folder = tempfile::tempdir().expect("a folder for the browser");
        let process = start(folder.path());
        let socket = connect(folder.path());
        let mut browser = Browser {
            _process: process,
            folder,
            socket,
            commands: 0,
            requests: BTreeMap::new(),
            complaints: Vec::new(),
        };
        for domain in ["Runtime", "Log", "Network", "Page"] {
            browser.command(&format!("{domain}.enable"), json!({}));
        }
        let (width, height) = WINDOW;
        browser.command(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
        browser.command(
            "Emulation.setEmulatedMedia",
            json!({"features": [
                {"name": "prefers-color-scheme", "value": "light"},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]}),
        );
        browser.command("Emulation.setScrollbarsHidden", json!({"hidden": true}));
        browser.command("Page.navigate", json!({"url": url}));
        browser
    }

    /// Waits until `condition` gives a value.
    #[track_caller]
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut condition: impl FnMut(&mut Browser) -> Option<T>,
    ) -> T {
        eventually(what, SHOWN_WITHIN, || condition(self))
    }

    /// The visible text of every element that the CSS `selector` finds now.
    #[track_caller]
    pub fn texts(&mut self, selector: &str) -> Vec<String> {
        let found = self.evaluate(&format!(
            "[...document.querySelectorAll({})].map((element) => element.innerText)",
            Value::from(selector)
        ));
        serde_json::from_value(found).expect("a list of texts")
    }

    /// Waits until an element that `selector` finds has all of `words` in its text, and gives that text.
    #[track_caller]
    pub fn wait_for_text(&mut self, selector: &str, words: &[&str]) -> String {
        self.wait_for(&format!("{selector} shows {words:?}"), |browser| {
            let has_all = |text: &String| words.iter().all(|word| text.contains(word));
            browser.texts(selector).into_iter().find(has_all)
        })
    }

    /// Clicks the first element that `selector` finds whose whole text is `text`, once there is one.
    #[track_caller]
    pub fn click(&mut self, selector: &str, text: &str) {
        let click = format!(
            "(() => {{
                const element = [...document.querySelectorAll({})]
                    .find((element) => element.innerText.trim() === {});
                element?.click();
                return !!element;
            }})()",
            Value::from(selector),
            Value::from(text)
        );
        self.wait_for(&format!("{selector} with the text {text:?}"), |browser| {
            (browser.evaluate(&click) == true).then_some(())
        });
    }

    /// What went wrong on the page so far: uncaught exceptions, errors on the console, requests without an answer or
    /// with one that is an error.
    #[track_caller]
    pub fn complaints(&mut self) -> &[String] {
        // The answer to a command comes after the events before it.
        self.evaluate("null");
        &self.complaints
    }

    /// Writes what the window shows now as a PNG.
    #[track_caller]
    pub fn screenshot(&mut self, path: &Path) {
        let shot = self.command("Page.captureScreenshot", json!({"format": "png"}));
        let data = shot["data"].as_str().expect("a picture");
        let bytes = BASE64_STANDARD.decode(data).expect("a picture in base64");
        std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    #[track_caller]
    fn evaluate(&mut self, expression: &str) -> Value {
        let mut answer = self.command(
            "Runtime.evaluate",
            json!({"expression": expression, "returnByValue": true}),
        );
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].take()
    }

    #[track_caller]
    fn command(&mut self, method: &str, parameters: Value) -> Value {
        self.try_command(method, parameters)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_command(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.commands += 1;
        let command = json!({"id": self.commands, "method": method, "params": parameters});
        self.socket
            .send(Message::text(command.to_string()))
            .map_err(|error| error.to_string())?;
        loop {
            let message = self.socket.read().map_err(|error| error.to_string())?;
            let Message::Text(text) = message else {
                continue;
            };
            let mut said: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            if said["id"] == self.commands {
                return match said["error"].take() {
                    Value::Null => Ok(said["result"].take()),
                    error => Err(error.to_string()),
                };
            }
            self.observe(&said);
        }
    }

    fn observe(&mut self, event: &Value) {
        let of = &event["params"];
        let complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => format!("exception: {}", of["exceptionDetails"]),
            Some("Runtime.consoleAPICalled") if of["type"] == "error" || of["type"] == "assert" => {
                format!("console: {}", of["args"])
            }
            Some("Log.entryAdded") if of["entry"]["level"] == "error" => {
                format!("log: {}", of["entry"])
            }
            Some("Network.requestWillBeSent") => {
                self.requests.insert(
                    of["requestId"].to_string(),
                    of["request"]["url"].to_string(),
                );
                return;
            }
            Some("Network.responseReceived") if of["response"]["status"].as_u64() >= Some(400) => {
                format!(
                    "{} answers {}",
                    of["response"]["url"], of["response"]["status"]
                )
            }
            Some("Network.loadingFailed") => {
                let url = self.requests.get(&of["requestId"].to_string());
                format!("{url:?} fails: {}", of["errorText"])
            }
            _ => return,
        };
        self.complaints.push(complaint);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let page = self.try_command(
            "Runtime.evaluate",
            json!({"expression": "location.href + '\\n' + document.body.innerText"}),
        );
        match page {
            Ok(page) => eprintln!(
                "--- the page\n{}",
                page["result"]["value"].as_str().unwrap_or_default()
            ),
            Err(error) => eprintln!(
                "--- the page does not answer ({error}); log of the browser\n{}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            ),
        }
        eprintln!("--- complaints\n{:#?}", self.complaints);
    }
}

/// The browser's process and, in its group, the helpers it started.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.0.id() as i32), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

#[track_caller]
fn start(folder: &Path) -> Process {
    let log = File::create(folder.join("log")).expect("a log of the browser");
    let child = Command::new(PROGRAM)
        .args([
            "--headless=new",
            // Its own sandbox needs what containers and root do not have; it only sees our page.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--remote-debugging-port=0",
        ])
        .arg(format!("--user-data-dir={}", folder.display()))
        .arg("about:blank")
        // Some of its files ignore --user-data-dir.
        .env("HOME", folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn();
    match child {
        Ok(child) => Process(child),
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "{PROGRAM} is missing: install the package of that name (as root on Debian: apt-get install {PROGRAM})"
        ),
        Err(error) => panic!("{PROGRAM}: {error}"),
    }
}

/// Connects to the one page that a fresh browser has.
#[track_caller]
fn connect(folder: &Path) -> WebSocket<TcpStream> {
    let (address, url) = eventually("the browser opens its port", STARTED_WITHIN, || {
        let said = std::fs::read_to_string(folder.join("DevToolsActivePort")).ok()?;
        let address = format!("127.0.0.1:{}", said.lines().next()?);
        let targets = get_json(&address, "/json/list")?;
        let page = targets.as_array()?.iter().find(|t| t["type"] == "page")?;
        let url = page["webSocketDebuggerUrl"].as_str()?.to_owned();
        Some((address, url))
    });
    let stream = TcpStream::connect(&address).expect("the browser's port");
    stream
        .set_read_timeout(Some(ANSWER_WITHIN))
        .expect("a deadline for answers");
    let (socket, _) = tungstenite::client(url, stream).expect("a websocket");
    socket
}
