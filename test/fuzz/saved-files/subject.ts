/**
 * Saved files of every kind, as this version writes them and broken in every way: each is refused by a sentence that names the
 * place, or it is read and goes through what its panel does first, down to the cells, points and words of its pictures.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBenchmark } from '../../../extension/results/benchmark-file';
import { parseIntervention } from '../../../extension/results/intervention-file';
import { parseModule } from '../../../extension/results/module-words';
import { type AnalysisResult, analysisText, parseAnalysis } from '../../../protocol/analysis/schema';
import { earlierKinds } from '../../../protocol/results/earlier/earlier';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { parseCircuit, type Circuit } from '../../../protocol/circuits/circuit-file';
import { parsePlan, type Plan } from '../../../protocol/plans/plan-file';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { Checked } from '../../../protocol/schema/check';
import { mutateBytes, mutateTree, Random, strangeValue } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';
import { firstOfAnalysis } from './analysis';
import { firstOfBenchmark } from './benchmark';
import { firstOfCircuit } from './circuit';
import { firstOfModule } from './module';
import { firstOfPlan } from './plan';

const folder = join(__dirname, '../../fixtures/results');

interface Seed {
  readonly kind: string;
  readonly text: string;
}

const seeds: readonly Seed[] = readdirSync(folder).map((file) => ({
  kind: file.split('.').at(-2) ?? '',
  text: readFileSync(join(folder, file), 'utf8'),
}));
const kinds = [...new Set(seeds.map(({ kind }) => kind))].sort();

/** What a file names its deepest value, to be replaced in the text: no tree so deep can be written as JSON. */
const deep = '@deep@';

type Place = { readonly holder: Record<string, unknown> | unknown[]; readonly key: string };

function placesOf(tree: unknown, places: Place[] = []): Place[] {
  if (typeof tree !== 'object' || tree === null) return places;
  for (const [key, value] of Object.entries(tree)) {
    places.push({ holder: tree as Place['holder'], key });
    placesOf(value, places);
  }
  return places;
}

const huge = [1e9, 2 ** 31, 2 ** 53 - 1, 1e308, -1e308, 1e-320, 1024, 16_384, 65_537];

/** Lists far longer or shorter than the file says, and sizes far from what its lists have. */
function resized(random: Random, tree: unknown): unknown {
  const places = placesOf(tree);
  if (places.length === 0) return tree;
  const { holder, key } = random.pick(places);
  const at = holder as Record<string, unknown>;
  const value = at[key];
  if (Array.isArray(value)) {
    const size = random.pick([0, 1, 2, 100, 5000, random.chance(0.1) ? 100_000 : 1000]);
    // A list of large entries stays of a size that a file has.
    const entry = JSON.stringify(value[0] ?? null).length;
    at[key] = Array.from(
      { length: Math.min(size, Math.ceil(2e6 / entry)) },
      (_, index) => value[index % value.length] as unknown,
    );
  } else if (typeof value === 'number') at[key] = random.pick(huge);
  else if (typeof value === 'string') at[key] = value.repeat(random.whole(0, 2000)).slice(0, 3e6);
  else at[key] = deep;
  return tree;
}

function broken(random: Random, { text }: Seed): string {
  if (random.chance(0.1)) return mutateBytes(random, Buffer.from(text), 3).toString('utf8');
  let tree = JSON.parse(text) as unknown;
  for (let edit = random.whole(1, 2); edit > 0; edit--) {
    tree = random.chance(0.5) ? mutateTree(random, tree, 2) : resized(random, tree);
  }
  if (random.chance(0.05))
    tree = { ...(tree as object), [random.pick(['layers', 'heads', 'extra'])]: strangeValue(random) };
  const depth = random.pick([10, 1000, 100_000]);
  return (JSON.stringify(tree) ?? '').replace(`"${deep}"`, '['.repeat(depth) + ']'.repeat(depth));
}

interface Input {
  readonly kind: string;
  readonly text: string;
}

function readAndShow({ kind, text }: Input): Checked<unknown> {
  switch (kind) {
    case 'headscope-heads':
      return savedAgain(earlierKinds.heads(text));
    case 'headscope-hallucination':
      return savedAgain(earlierKinds.hallucination(text));
    case 'headscope-analysis':
      return shown<AnalysisResult>(parseAnalysis(text), firstOfAnalysis);
    case 'headscope-bench':
      return shown<BenchmarkResult>(parseBenchmark(text), firstOfBenchmark);
    case 'headscope-module':
      return shown<ModuleResult>(parseModule(text), firstOfModule);
    case 'headscope-circuit':
      return shown<Circuit>(parseCircuit(text), firstOfCircuit);
    case 'headscope-plan':
      return shown<Plan>(parsePlan(text), firstOfPlan);
    default:
      return shown<readonly Intervention[]>(parseIntervention(text, { layers: 4, heads: 8 }), (list) => [list.length]);
  }
}

const shown = <T>(parsed: Checked<T>, show: (saved: T) => unknown): Checked<unknown> =>
  parsed.ok ? { ok: true, result: show(parsed.result) } : parsed;

/** What is read of an earlier kind of file is a result of an analysis too, which can be saved and read again. */
function savedAgain(now: Checked<AnalysisResult>): Checked<unknown> {
  if (!now.ok) return now;
  const again = parseAnalysis(analysisText(now.result));
  assert.ok(again.ok, again.ok ? '' : again.why);
  return shown<AnalysisResult>(again, firstOfAnalysis);
}

const namesAPlace =
  /^(The file is |It was written in format |\S.* is (missing|not .+)\.$|\S.* names a part that does not exist: |(The id|The group|An edge|A mark|".*" (is in two groups|has two marks)).*\. (Give|Remove|Add|Take|Correct|Make) )/su;

export const subject: Subject<Input> = {
  counts: { tier: 500, full: 25_000 },
  least: { values: 0.1, refusals: 0.3 },
  make(seed) {
    const random = new Random(seed);
    // Each kind gets as many, however many files it has.
    const kind = kinds[seed % kinds.length] ?? '';
    const whole = random.pick(seeds.filter((each) => each.kind === kind));
    return { kind, text: seed <= seeds.length ? whole.text : broken(random, whole) };
  },
  run(input): Outcome {
    const read = readAndShow(input);
    if (read.ok) return { value: { shown: read.result } };
    assert.match(read.why, namesAPlace);
    return { refusal: read.why };
  },
};
