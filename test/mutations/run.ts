/**
 * npm run test:mutations: plants errors, one at a time, and asks whether a test sees them.
 *
 * - In every function and constant of kernels/ that the float64 reference of a mechanism and its graph share: an error there
 *   changes both alike, so that comparing one with the other says nothing. What is shared is found by running (reached.ts).
 * - In functions and constants of diagnostics, estimates and rules that are drawn by `--seed N` (1), `--count N` (60) of each.
 * - A mutant is tried on the tests that run its function, stage by stage, and is done with the first that fails: a later stage is
 *   run for those alone that are left. A test that
 *   takes 10 s and twenty times its usual time is ended with its process: the error is found.
 * - Words are subjects (all of them without one); `--only PATTERN` takes mutants whose file or function matches; `--resume` goes
 *   on where a run was ended; `--workers N` (2); `--list` names what would be planted. Survivors are listed at the end; exit 1
 *   where there is one.
 * - Mutants that change nothing are named with their reason in equivalent.ts; whole errors once made by hand in planted.ts.
 *
 * Stryker was looked at first (its list of mutators, 2026-11): they are fixed and lack what matters here (numbers +-1,
 * Math.floor left out, exchanged arguments and axes), and no plug-in adds any. Its two ideas are used: all mutants in one text
 * behind a switch, and coverage by test.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { outdated, reasonOf } from './equivalent';
import type { Mutant } from './instrument';
import { byHand } from './planted';
import { constantsNamed, readProject, root, withConstants, type Project } from './project';
import { anHour, subjects, type Subject } from './subjects';
import { startWorker, testFiles, writeBundle, type Worker } from './workers';

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    resume: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    workers: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '60' },
  },
});

const say = (text: string) => process.stderr.write(`${text}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    say(`Ended. What was found so far is kept in out/mutations/: go on with --resume.`);
    process.exit(130);
  });
}

const nameOf = ({ place, line, before, after }: Pick<Mutant, 'place' | 'line' | 'before' | 'after'>): string =>
  `${place.file}:${line} ${place.name}: ${oneLine(before)} -> ${oneLine(after)}`;
const oneLine = (text: string) => text.replace(/\s+/g, ' ');

function resultsIn(file: string): ReadonlySet<string> {
  if (!given.resume || !existsSync(file)) return new Set();
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const results = lines.map((line) => JSON.parse(line) as { key: string; by?: string });
  return new Set(results.filter(({ by }) => by !== undefined).map(({ key }) => key));
}

/** True where no error survives. */
async function plantAll(subject: Subject): Promise<boolean> {
  const start = performance.now();
  const minutes = () => `${((performance.now() - start) / 60_000).toFixed(1)} min`;
  const resultsFile = join(root, `out/mutations/${subject.id}.jsonl`);
  const project = readProject(subject.folders);
  const { texts, mutants } = await subject.plant(project, { seed: Number(given.seed), count: Number(given.count) });
  const isOwn = (file: string) => project.files.has(file);
  const isWhole = subject.id === 'kernels';
  for (const { file, text, instead } of byHand.filter((each) => isWhole && isOwn(each.file))) {
    const found = mutants.some(
      ({ place, before, after }) => place.file === file && before === text && after === instead,
    );
    if (!found) throw new Error(`planted.ts names what is not in ${file}: ${text}`);
  }
  const [old] = isWhole ? outdated(mutants, isOwn) : [];
  if (old !== undefined) throw new Error(`equivalent.ts names what is not there: ${old}`);

  /** Hash of an error, the text of its file and the texts of the tests: a result is out of date once any of them changes. */
  const testTexts = subject.stages.flatMap(testFiles).map((file) => readFileSync(join(root, file), 'utf8'));
  const testsHash = createHash('sha256').update(testTexts.join('\0')).digest('hex');
  const keyOf = (mutant: Mutant): string =>
    createHash('sha256')
      .update([nameOf(mutant), readFileSync(join(root, mutant.place.file), 'utf8'), testsHash].join('\0'))
      .digest('hex');
  const pattern = new RegExp(given.only ?? '', 'i');
  const wanted = mutants.filter(({ place }) => pattern.test(`${place.file} ${place.name}`));
  const equivalent = wanted.filter((mutant) => reasonOf(mutant) !== undefined);
  const known = resultsIn(resultsFile);
  const open = wanted.filter((mutant) => reasonOf(mutant) === undefined && !known.has(keyOf(mutant)));
  const earlier = wanted.length - equivalent.length - open.length;
  say(
    `${subject.id}: ${wanted.length} errors, ${equivalent.length} change nothing, ${earlier} found by an earlier run`,
  );
  if (given.list) {
    for (const mutant of wanted) console.log(nameOf(mutant));
    return true;
  }
  if (open.length === 0) return true;

  if (!given.resume) rmSync(resultsFile, { force: true });
  const tested = constantsTested(project);
  let left = open;
  for (const [at, stage] of subject.stages.entries()) {
    const bundle = await writeBundle(testFiles(stage), texts, `${subject.id}-${at}`);
    const first = await startWorker(project.places.length, bundle);
    const answer = await first.ask({ kind: 'cover' }, anHour);
    first.end();
    if (typeof answer === 'string' || answer.kind !== 'covered')
      throw new Error('The tests could not be run with nothing planted: see out/mutations/workers.log.');
    const { covered } = answer;
    const loading = new Set(answer.loading);
    const failed = covered.filter(({ failure }) => failure !== undefined);
    for (const { title, failure } of failed) console.log(`Fails with nothing planted: ${title}: ${failure}`);
    if (failed.length > 0) return false;
    say(`${stage}: ${covered.length} tests pass with nothing planted (${minutes()})`);
    const usual = new Map(covered.map(({ title, milliseconds }) => [title, milliseconds]));
    // Before the first test a worker loads all of them, and hooks before a test may open a model.
    const limit = (begun?: { title: string }) =>
      begun === undefined ? 240_000 : 10_000 + 20 * (usual.get(begun.title) ?? 10_000);

    const survivors: Mutant[] = [];
    const queue = [...left];
    const work = async (): Promise<void> => {
      let worker: Worker | undefined;
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const places = tested(mutant);
        const { id, place } = mutant;
        const own = covered.filter(({ hits }) => hits.some((hit) => places.has(hit)));
        // What counts when the files are loaded may show in any test, unless some name it.
        const isLoaded = loading.has(place.id) || (place.variable && own.length === 0);
        const titles = (isLoaded ? covered : own).map(({ title }) => title);
        if (titles.length === 0) {
          survivors.push(mutant);
          continue;
        }
        worker ??= await startWorker(project.places.length, bundle);
        const result = await worker.ask(
          { kind: 'plant', mutant: id, reload: place.variable || isLoaded, titles },
          limit,
        );
        if (typeof result === 'string') {
          worker.end();
          worker = undefined;
        }
        const by =
          typeof result === 'string'
            ? `its worker ${result === 'slow' ? 'took too long' : 'ended'}`
            : 'by' in result
              ? result.by
              : undefined;
        if (by === undefined) survivors.push(mutant);
        else appendFileSync(resultsFile, `${JSON.stringify({ key: keyOf(mutant), name: nameOf(mutant), by })}\n`);
      }
      worker?.end();
    };
    await Promise.all(Array.from({ length: Number(given.workers) }, work));
    say(`${stage}: ${left.length - survivors.length} of ${left.length} found (${minutes()})`);
    left = survivors;
    if (left.length === 0) break;
  }

  console.log(
    `${subject.id}: ${open.length} errors planted in ${minutes()}, ${open.length - left.length} found, ${left.length} survive`,
  );
  for (const mutant of [...left].sort((a, b) => a.id - b.id)) console.log(nameOf(mutant));
  return left.length === 0;
}

/** The functions whose tests a mutant is tried on: its own, or of a constant those that name it. */
function constantsTested(project: Project): (mutant: Mutant) => ReadonlySet<number> {
  const named = constantsNamed(project);
  const functions = project.places.filter(({ variable }) => !variable).map(({ id }) => id);
  return ({ place }) =>
    new Set(place.variable ? functions.filter((id) => withConstants(named, [id]).has(place.id)) : [place.id]);
}

async function main(): Promise<number> {
  const unknown = positionals.filter((word) => !subjects.some(({ id }) => id === word));
  if (unknown.length > 0) {
    console.error(`There is no subject ${unknown.join(', ')}: choose from ${subjects.map(({ id }) => id).join(', ')}.`);
    return 2;
  }
  let clean = true;
  for (const subject of subjects) {
    if (positionals.length > 0 && !positionals.includes(subject.id)) continue;
    clean = (await plantAll(subject)) && clean;
  }
  return clean ? 0 : 1;
}

void main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
