// node peer.cjs NAME EXPRS ROUNDS ZONE...: the next instants of croner or cron-parser, for the bench `peers`: one line a zone,
// `ZONE MEAN-NS`.
const { readFileSync } = require("fs");
const [name, path, rounds, ...zones] = process.argv.slice(2);
const start = new Date(1767225600000);
const stop = new Date(2090000000000);

const peers = {
	croner() {
		const { Cron } = require("croner");
		return (text, zone) => {
			const cron = new Cron(text, { timezone: zone, paused: true });
			let at = start;
			return () => {
				at = cron.nextRun(at);
				if (!at || at > stop) at = start;
			};
		};
	},
	"cron-parser"() {
		const { CronExpressionParser } = require("cron-parser");
		return (text, zone) => {
			const cron = CronExpressionParser.parse(text, { tz: zone, currentDate: start });
			return () => {
				try {
					if (cron.next().toDate() > stop) cron.reset(start);
				} catch {
					cron.reset(start);
				}
			};
		};
	},
};

const expressions = readFileSync(path, "utf8").trim().split("\n");
const make = peers[name]();
for (const zone of zones) {
	const steps = [];
	for (const text of expressions) {
		try {
			steps.push(make(text, zone));
		} catch {
			// not in its language
		}
	}
	for (const step of steps) step(); // once for the compiler
	const begin = process.hrtime.bigint();
	for (const step of steps) for (let i = 0; i < Number(rounds); i++) step();
	console.log(zone, Number(process.hrtime.bigint() - begin) / (steps.length * Number(rounds)));
}
