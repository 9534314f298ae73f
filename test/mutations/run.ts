/**
 * npm run test:mutations: plants an error, one at a time, in every function and constant of kernels/ that the float64 reference
 * of a mechanism and its graph share, and asks whether a test with expected values from elsewhere sees it. An error in what
 * both share changes both alike, so that comparing one with the other says nothing.
 *
 * - What is shared is found by running: both are run on the cases of test/laws in an instrumented kernels/ (reached.ts).
 * - A mutant is tried on the tests that run its function, those of expected values first, the fastest first, and is done with
 *   the first that fails. A test that takes 10 s and twenty times its usual time is ended with its process: the error is found.
 * - `--only PATTERN` takes mutants whose file, function or mechanism matches; `--resume` goes on where a run was ended;
 *   `--workers N` (2); `--list` names what would be planted. Survivors are listed at the end; exit 1 where there is one.
 * - Mutants that change nothing are named with their reason in equivalent.ts; whole errors once made by hand in planted.ts.
 *
 * Stryker was looked at first (its list of mutators, 2026-11): they are fixed and lack what matters here (numbers +-1,
 * Math.floor left out, exchanged arguments and axes), and no plug-in adds any. Its two ideas are used: all mutants in one text
 * behind a switch, and coverage by test.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { outdated, reasonOf } from './equivalent';
import type { Mutant, Place } from './instrument';
import type { Covered, FromWorker, TestName, ToWorker } from './messages';
import { byHand } from './planted';
import { bundle, constantsNamed, plantIn, readProject, root, withConstants, type Project } from './project';

const { values: given } = parseArgs({
  options: {
    only: { type: 'string' },
    resume: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    workers: { type: 'string', default: '2' },
  },
});

/** Tests in the order in which they are tried: expected values first, the slow law of decoding last. */
const stages = [
  'test/laws/kernels/expected',
  'test/laws/kernels/systems',
  'test/unit/kernels',
  'test/laws/kernels/decode.test.ts',
];
const resultsFile = join(root, 'out/mutations/results.jsonl');
mkdirSync(join(root, 'out/mutations'), { recursive: true });
const log = openSync(join(root, 'out/mutations/workers.log'), 'w');
const say = (text: string) => process.stderr.write(`${text}\n`);

const folder = mkdtempSync(join(tmpdir(), 'headscope-mutations-'));
const workers = new Set<ChildProcess>();
process.on('exit', () => {
  for (const worker of workers) worker.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    say(`Ended. What was found so far is kept in out/mutations/: go on with --resume.`);
    process.exit(130);
  });
}

const testFiles = (under: string): readonly string[] =>
  under.endsWith('.test.ts')
    ? [under]
    : readdirSync(join(root, under), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts'))
        .sort()
        .map((name) => `${under}/${name}`);

async function writeBundles(texts: ReadonlyMap<string, string>, name: string): Promise<readonly string[]> {
  const groups = [[...testFiles(stages[0]!), 'test/mutations/reached.ts'], ...stages.map(testFiles)];
  const files: string[] = [];
  for (const [at, entries] of groups.entries()) {
    const file = join(folder, `${name}-${at}.cjs`);
    writeFileSync(file, await bundle(entries, texts));
    files.push(file);
  }
  return files;
}

interface Worker {
  /** `limit` is for the whole answer, or for the test at a place of the list, in milliseconds. */
  ask(message: ToWorker, limit: (test?: number) => number): Promise<Answer>;
  end(): void;
}
type Answer = FromWorker | 'slow' | 'ended';

async function startWorker(functions: number, bundles: readonly string[]): Promise<Worker> {
  const child = fork(join(__dirname, 'worker.ts'), [String(functions), ...bundles], {
    cwd: root,
    execArgv: ['--import', 'tsx', '--max-old-space-size=3000'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    // The runtime complains of graphs that an error spoiled.
    stdio: ['ignore', log, log, 'ipc'],
  });
  workers.add(child);
  child.on('exit', () => workers.delete(child));
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', () => reject(new Error('A worker ended before it was ready: see out/mutations/workers.log.')));
  });
  return {
    ask: (message, limit) =>
      new Promise((resolve) => {
        const finish = (answer: Answer) => {
          clearTimeout(timer);
          child.off('message', hear).off('exit', ended);
          resolve(answer);
        };
        const ended = () => finish('ended');
        const wait = (at?: number) => setTimeout(() => finish('slow'), limit(at));
        const hear = (answer: FromWorker) => {
          if (answer.kind !== 'begins') return finish(answer);
          clearTimeout(timer);
          timer = wait(answer.at);
        };
        let timer = wait();
        child.on('message', hear).on('exit', ended);
        child.send(message);
      }),
    end: () => child.kill('SIGKILL'),
  };
}

const anHour = () => 3_600_000;

/** The numbers of shared places, with the mechanisms that share each. */
async function sharedPlaces(
  project: Project,
  named: ReadonlyMap<number, ReadonlySet<number>>,
): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
  const { texts } = plantIn(project, () => false);
  const worker = await startWorker(project.places.length, await writeBundles(texts, 'plain'));
  const answer = await worker.ask({ kind: 'reached' }, anHour);
  worker.end();
  if (typeof answer === 'string' || answer.kind !== 'reached')
    throw new Error('What is shared could not be found: see out/mutations/workers.log.');
  const shared = new Map<number, Set<string>>();
  for (const { mechanism, reference, build } of answer.reached) {
    const ofBuild = withConstants(named, build);
    for (const id of withConstants(named, reference)) {
      if (ofBuild.has(id)) shared.set(id, (shared.get(id) ?? new Set()).add(mechanism));
    }
  }
  return shared;
}

const nameOf = ({ place, line, before, after }: Pick<Mutant, 'place' | 'line' | 'before' | 'after'>): string =>
  `${place.file}:${line} ${place.name}: ${oneLine(before)} -> ${oneLine(after)}`;
const oneLine = (text: string) => text.replace(/\s+/g, ' ');

/** Of a file's text, an error and the texts of the tests: what makes a result out of date. */
const testsHash = createHash('sha256')
  .update(
    stages
      .flatMap(testFiles)
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\0'),
  )
  .digest('hex');
const keyOf = (mutant: Mutant): string =>
  createHash('sha256')
    .update([nameOf(mutant), readFileSync(join(root, mutant.place.file), 'utf8'), testsHash].join('\0'))
    .digest('hex');

function resultsSoFar(): ReadonlySet<string> {
  if (!given.resume || !existsSync(resultsFile)) return new Set();
  const lines = readFileSync(resultsFile, 'utf8').split('\n').filter(Boolean);
  const results = lines.map((line) => JSON.parse(line) as { key: string; by?: string });
  return new Set(results.filter(({ by }) => by !== undefined).map(({ key }) => key));
}

async function main(): Promise<number> {
  const start = performance.now();
  const minutes = () => `${((performance.now() - start) / 60_000).toFixed(1)} min`;
  const project = readProject();
  const named = constantsNamed(project);
  const shared = await sharedPlaces(project, named);
  const pattern = new RegExp(given.only ?? '', 'i');
  const isWanted = (place: Place) =>
    pattern.test(`${place.file} ${place.name} ${[...(shared.get(place.id) ?? [])].join(' ')}`);
  const { texts, mutants } = plantIn(project, (place) => shared.has(place.id));
  for (const { file, text, instead } of byHand) {
    const found = mutants.some(
      ({ place, before, after }) => place.file === file && before === text && after === instead,
    );
    if (!found) throw new Error(`planted.ts names what is not in ${file}: ${text}`);
  }
  const [old] = outdated(mutants);
  if (old !== undefined) throw new Error(`equivalent.ts names what is not there: ${old}`);
  const wanted = mutants.filter(({ place }) => isWanted(place));
  const equivalent = wanted.filter((mutant) => reasonOf(mutant) !== undefined);
  const known = resultsSoFar();
  const open = wanted.filter((mutant) => reasonOf(mutant) === undefined && !known.has(keyOf(mutant)));
  say(`${shared.size} shared functions and constants, ${wanted.length} errors, ${equivalent.length} change nothing`);
  say(
    `${wanted.length - equivalent.length - open.length} found by an earlier run, ${open.length} to plant (${minutes()})`,
  );
  if (given.list) {
    for (const mutant of wanted) console.log(nameOf(mutant));
    return 0;
  }

  const bundles = await writeBundles(texts, 'planted');
  const first = await startWorker(project.places.length, bundles);
  const answer = await first.ask({ kind: 'cover' }, anHour);
  first.end();
  if (typeof answer === 'string' || answer.kind !== 'covered')
    throw new Error('The tests could not be run with nothing planted: see out/mutations/workers.log.');
  const failed = answer.covered.filter(({ failure }) => failure !== undefined);
  for (const { title, failure } of failed) console.log(`Fails with nothing planted: ${title}: ${failure}`);
  if (failed.length > 0) return 1;
  say(`${answer.covered.length} tests pass with nothing planted (${minutes()})`);

  if (!given.resume) rmSync(resultsFile, { force: true });
  const testsOf = chooser(answer.covered, project, named);
  const survivors: Mutant[] = [];
  let [next, done] = [0, 0];
  const work = async (): Promise<void> => {
    let worker = await startWorker(project.places.length, bundles);
    while (next < open.length) {
      const mutant = open[next++]!;
      const tests = testsOf(mutant);
      // Before the first test a worker loads all of them.
      const limit = (at?: number) => (at === undefined ? 120_000 : 10_000 + 20 * tests[at]!.milliseconds);
      const names = tests.map(({ stage, title }): TestName => ({ stage, title }));
      const result = await worker.ask(
        { kind: 'plant', mutant: mutant.id, reload: mutant.place.variable, tests: names },
        limit,
      );
      const by =
        typeof result === 'string'
          ? `its worker ${result === 'slow' ? 'took too long' : 'ended'}`
          : 'by' in result
            ? result.by
            : undefined;
      if (typeof result === 'string') {
        worker.end();
        worker = await startWorker(project.places.length, bundles);
      }
      appendFileSync(resultsFile, `${JSON.stringify({ key: keyOf(mutant), name: nameOf(mutant), by })}\n`);
      done++;
      if (by === undefined) {
        survivors.push(mutant);
        say(`survives (${names.length} tests): ${nameOf(mutant)}`);
      }
      if (done % 50 === 0) say(`${done} of ${open.length}, ${survivors.length} survive (${minutes()})`);
    }
    worker.end();
  };
  await Promise.all(Array.from({ length: Number(given.workers) }, work));

  console.log(
    `${open.length} errors planted in ${minutes()}, ${open.length - survivors.length} found, ${survivors.length} survive`,
  );
  for (const mutant of survivors.sort((a, b) => a.id - b.id)) console.log(nameOf(mutant));
  return survivors.length === 0 ? 0 : 1;
}

/** The tests that run a mutant's function; of a constant, those that run a function which names it. */
function chooser(
  covered: readonly Covered[],
  { places }: Project,
  named: ReadonlyMap<number, ReadonlySet<number>>,
): (mutant: Mutant) => readonly Covered[] {
  const order = [...covered].sort((a, b) => a.stage - b.stage || a.milliseconds - b.milliseconds);
  const functions = places.filter(({ variable }) => !variable).map(({ id }) => id);
  return ({ place }) => {
    const wanted = new Set(
      place.variable ? functions.filter((id) => withConstants(named, [id]).has(place.id)) : [place.id],
    );
    return order.filter(({ hits }) => hits.some((id) => wanted.has(id)));
  };
}

void main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
