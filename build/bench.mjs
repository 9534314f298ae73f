// Runs the benches in one go: `npm run bench` all of them but those that run on request alone, as they take long, `npm run bench
// -- harness startup` those named. Prints each figure
// with its target, writes bench-results/bench.json with the conditions of the machine. Figures are never asserted: a missed
// target is shown, a bench that breaks ends the run with 1.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/cjs/api';

register();
const require = createRequire(import.meta.url);
const folder = new URL('../test/bench/', import.meta.url);
const results = new URL('../bench-results/', import.meta.url);
const suffix = '.bench.ts';

const files = (await readdir(folder)).filter((file) => file.endsWith(suffix)).sort();
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !files.includes(name + suffix));
if (unknown.length > 0) {
  const known = files.map((file) => file.slice(0, -suffix.length)).join(', ');
  console.error(`There is no bench ${unknown.join(', ')}. Choose among ${known}.`);
  process.exit(2);
}

const conditions = {
  date: new Date().toISOString(),
  cpu: cpus()[0]?.model.trim(),
  cores: cpus().length,
  memoryBytes: totalmem(),
  platform: `${process.platform}-${process.arch}`,
  node: process.version,
  // Above the number of cores the machine was busy with other work: read the figures as ratios.
  loadBefore: loadavg()[0],
};

const figures = [];
const notRun = [];
const broken = [];
for (const file of files.filter((each) => wanted.length === 0 || wanted.includes(each.slice(0, -suffix.length)))) {
  const bench = require(fileURLToPath(new URL(file, folder))).default;
  if (wanted.length === 0 && bench.onRequest) {
    console.log(`\n${bench.name}: left out, run it by name`);
    continue;
  }
  console.log(`\n${bench.name}`);
  const report = {
    figure(figure) {
      figures.push({ bench: bench.name, ...figure, ...(figure.target === undefined ? {} : { met: isMet(figure) }) });
      print(figure);
    },
    notRun(name, reason) {
      notRun.push({ bench: bench.name, name, reason });
      console.log(`  ${name.padEnd(72)} not run: ${reason}`);
    },
  };
  try {
    await bench.run(report);
  } catch (error) {
    broken.push(bench.name);
    console.error(error);
  }
}

await mkdir(results, { recursive: true });
const file = new URL('bench.json', results);
await writeFile(
  file,
  JSON.stringify({ ...conditions, loadAfter: loadavg()[0], figures, notRun, broken }, null, 2) + '\n',
);

const missed = figures.filter(({ met }) => met === false);
const targets = figures.filter(({ met }) => met !== undefined).length;
console.log(
  `\n${conditions.cpu}, ${conditions.cores} cores, load ${conditions.loadBefore.toFixed(1)} before and ${loadavg()[0].toFixed(1)} after`,
);
console.log(`${figures.length} figures, ${targets - missed.length} of ${targets} targets met; ${fileURLToPath(file)}`);
for (const { name } of missed) console.log(`missed: ${name}`);
if (broken.length > 0) console.error(`broken: ${broken.join(', ')}`);
process.exit(broken.length > 0 ? 1 : 0);

function isMet({ value, target, comparison = 'atMost' }) {
  return comparison === 'atMost' ? value <= target : value >= target;
}

function print(figure) {
  const { name, value, unit, target, comparison = 'atMost', note } = figure;
  const shown = `${Number(value.toPrecision(4))} ${unit}`.trim();
  const aim =
    target === undefined
      ? ''
      : `${comparison === 'atMost' ? 'at most' : 'at least'} ${target} ${unit}: ${isMet(figure) ? 'met' : 'MISSED'}`;
  console.log(`  ${name.padEnd(72)} ${shown.padStart(16)}  ${aim}${note ? `  (${note})` : ''}`);
}
