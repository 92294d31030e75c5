// An unmodified mesos-framework (npm) scheduler: three commands run, and each is seen to finish.
//
// usage: node mesos_framework.js HOST PORT     (NODE_PATH points at the folder the package was installed in)

"use strict";

const { Scheduler, Mesos } = require("mesos-framework");
const mesos = Mesos.getMesos();

const INSTANCES = 3;
const DEADLINE_MS = 60000;
const [host, port] = process.argv.slice(2);

const finished = new Set();
const scheduler = new Scheduler({
    masterUrl: host,
    port: Number(port),
    frameworkName: "npm-mesos-framework",
    logging: { level: "error" },
    restartStates: [],
    tasks: {
        hello: {
            priority: 1,
            instances: INSTANCES,
            commandInfo: new mesos.CommandInfo(null, null, true, "echo hello", null, null),
            resources: { cpus: 0.1, mem: 32, ports: 1, disk: 0 },
        },
    },
    handlers: {
        UPDATE: function (update) {
            const status = update.status;
            if (status.state === "TASK_FINISHED") {
                finished.add(status.task_id.value);
            } else if (["TASK_FAILED", "TASK_LOST", "TASK_ERROR"].includes(status.state)) {
                console.error(JSON.stringify(status));
                process.exit(1);
            }
            this.acknowledge(update);
            if (finished.size === INSTANCES) {
                this.once("sent_teardown", () => {
                    console.log(JSON.stringify({ finished: finished.size }));
                    process.exit(0);
                });
                this.teardown();
            }
        },
    },
});

scheduler.on("error", (error) => console.error(error.message || error));
scheduler.on("ready", () => scheduler.subscribe());
setTimeout(() => {
    console.error(`only ${finished.size} of ${INSTANCES} tasks finished`);
    process.exit(1);
}, DEADLINE_MS);
