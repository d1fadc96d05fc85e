//! [`Process`]: the test's handle of one process of the fleet.

use std::{env, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    round::Report,
    worker::{CALL, Plan, ROLE, SHOW_TOKEN},
};

/// A process, which is killed when this is dropped, and ends by itself when this process does.
pub(crate) struct Process {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

// === impl Process ===

impl Process {
    pub(crate) fn start(plan: &Plan) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .env(ROLE, plan.to_environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, commands, answers }
    }

    /// Has all its refreshers call at once.
    pub(crate) async fn call(&mut self) {
        self.tell(CALL).await;
    }

    /// Waits until the calls are answered.
    pub(crate) async fn report(&mut self) -> Report {
        Report::from_line(&self.answer().await)
    }

    /// Returns the header that its first refresher has.
    pub(crate) async fn header(&mut self) -> String {
        self.tell(SHOW_TOKEN).await;
        self.answer().await
    }

    /// Ends it by SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    async fn tell(&mut self, command: &str) {
        self.commands.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> String {
        self.answers.next_line().await.unwrap().expect("the process has ended")
    }
}
