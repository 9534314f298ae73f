/** One test: a prompt that hides a needle and asks for it, answered by greedy decoding. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { refusal } from '../../../protocol/wire/failures';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import { continued } from '../../model-runner/decoding';
import type { ModelRunner, Observation } from '../../model-runner/model-runner';
import type { KeyGroup } from '../../model-runner/sequence';
import { copyScores, mostReadIn, type Counting, type HeadTable, type Needle } from '../../shared/retrieval/copy-events';
import { unigramRecall, wordsOf } from '../../shared/retrieval/rouge';
import type { Sample } from '../../tasks/task';

export interface NeedleTest {
  readonly sample: Sample;
  readonly needle: Needle;
  /** A token of the needle stands outside of its role as well: heads may copy it from there. */
  readonly repeated: boolean;
  /** Tokens of the right answer. */
  readonly answerTokens: number;
  /** Tokens of the prompt and place of the needle, as they were asked for, or else as they are. */
  readonly length: number;
  readonly depth: number;
  /** They were asked for: the tests are a grid. */
  readonly planned: boolean;
}

export interface NeedleTests {
  readonly tests: readonly NeedleTest[];
  /** Samples without a needle. */
  readonly leftOut: number;
}

/** Fails where no sample has a needle. */
export function needleTests(task: TaskInfo, samples: readonly Sample[], wanted: string): NeedleTests {
  const name = (sample: Sample): string => roleOf(task, sample, wanted);
  const usable = samples.filter((sample) => (sample.roles[name(sample)]?.length ?? 0) > 0);
  const [first] = samples;
  if (usable.length === 0 && first) {
    const known = [...new Set(samples.flatMap(({ roles }) => Object.keys(roles)))].join(', ');
    throw refusal(
      `The prompts of ${task.title} have no role "${name(first).slice(0, 60)}". Name the role of the needle: they have ${known}.`,
    );
  }
  const tests = usable.map((sample) => {
    const { ids } = sample.prompt;
    const role = sample.roles[name(sample)] ?? [];
    const positions = answerIn(ids, role, answerOf(sample));
    const tokens = new Set(positions.map((row) => ids[row]));
    const { length, depth } = sample.facts;
    const planned = typeof length === 'number' && typeof depth === 'number';
    return {
      sample,
      repeated: ids.some((id, row) => tokens.has(id) && !role.includes(row)),
      answerTokens: answerOf(sample).length,
      needle: { ids, positions, tokens: tokensOnce(ids, positions, answerOf(sample).length) },
      planned,
      ...(planned ? { length, depth } : { length: ids.length, depth: (positions[0] ?? 0) / ids.length }),
    };
  });
  return { tests, leftOut: samples.length - usable.length };
}

const roleOf = ({ changed }: TaskInfo, { roles }: Sample, wanted: string): string =>
  wanted.trim() !== '' ? wanted.trim() : roles[changed] ? changed : 'needle';

/**
 * The tokens of the needle that are those of the answer, where all of the answer is in it: what stands around it in its role (the
 * space before a pass key) is never generated, so no head could copy it.
 */
function answerIn(ids: readonly number[], positions: readonly number[], answer: readonly number[]): readonly number[] {
  const said = new Set(positions.map((row) => ids[row]));
  const whole = answer.every((id) => said.has(id));
  return whole ? positions.filter((row) => answer.includes(ids[row] ?? -1)) : positions;
}

/** Tokens of the needle where the prompt says it once: a pass key is said twice. */
function tokensOnce(ids: readonly number[], positions: readonly number[], answer: number): number {
  const repeated = positions.every((row, at) => ids[row] === ids[positions[at % answer] ?? -1]);
  return repeated && positions.length % answer === 0 ? answer : positions.length;
}

const answerOf = ({ answers }: Sample): readonly number[] => [answers.right[0] ?? -1, ...answers.rest];

export interface Answer {
  readonly text: string;
  readonly tokens: readonly string[];
  /** ROUGE-1 recall: share of the words of the right answer that stand in the text (of its tokens without a tokenizer). */
  readonly recall: number;
}

/** What the heads did in one test; all tables [layers][heads]. */
export interface HeadsInTest {
  readonly scores: HeadTable;
  /** Mean mass on the tokens of the needle, and on the first token, of the rows that produced the answer. */
  readonly needleMass: HeadTable;
  readonly firstMass: HeadTable;
  /** By token that was generated: the kind of the key read most by each head, all layers joined (`readKinds`). */
  readonly read: readonly Uint8Array[];
}

export const readKinds = ['elsewhere', 'needle', 'first token'] as const;

export interface Decoding {
  readonly variant: Variant;
  readonly groups: readonly KeyGroup[];
  /** At most. */
  readonly tokens: number;
}

/** Kinds of keys are kept of so many tokens. */
export const mostKept = 48;

/** The answer, and what the heads did for it. */
export async function observedAnswer(
  model: ModelRunner,
  test: NeedleTest,
  { counting, ...decoding }: Decoding & { readonly counting: Counting },
): Promise<{ readonly answer: Answer; readonly heads: HeadsInTest }> {
  const { positions } = test.needle;
  // The names of groups are those of the person's interventions: ours have no place among them.
  const ours = ['needle', 'first token'].map((name, at) => ({
    name: `retrieval-head ${name}`,
    positions: at === 0 ? positions : [0],
  }));
  const groups = [...decoding.groups, ...ours];
  const { ids, observations } = await decoded(model, test, { ...decoding, groups }, true);
  const produced = ids.map((id, at) => ({
    id,
    mostRead: (observations[at]?.top ?? []).map((top) => mostReadIn(top)),
  }));
  const rows = observations.slice(0, Math.max(1, test.answerTokens));
  const mass = (group: number): HeadTable =>
    model.facts.blocks.map(({ heads }, layer) =>
      Array.from({ length: heads }, (_, head) => {
        const at = head * groups.length + decoding.groups.length + group;
        return rows.reduce((sum, row) => sum + (row.mass[layer]?.[at] ?? 0), 0) / rows.length;
      }),
    );
  const inNeedle = new Set(positions);
  const read = produced.slice(0, mostKept).map(({ mostRead }) =>
    Uint8Array.from(
      mostRead.flatMap((keys) => [...keys]),
      (key) => readKinds.indexOf(inNeedle.has(key) ? 'needle' : key === 0 ? 'first token' : 'elsewhere'),
    ),
  );
  return {
    answer: answerWith(model, test, ids),
    heads: { scores: copyScores(test.needle, produced, counting), needleMass: mass(0), firstMass: mass(1), read },
  };
}

export async function plainAnswer(model: ModelRunner, test: NeedleTest, decoding: Decoding): Promise<Answer> {
  return answerWith(model, test, (await decoded(model, test, decoding, false)).ids);
}

/** Greedy, up to a stop token or a line break behind a first word; the observations are of the rows that produced the tokens. */
async function decoded(
  model: ModelRunner,
  { sample }: NeedleTest,
  { variant, groups, tokens }: Decoding,
  observe: boolean,
): Promise<{ readonly ids: readonly number[]; readonly observations: readonly Observation[] }> {
  const { ids: prompt } = sample.prompt;
  const run = await model.continuation({
    sequence: { ids: prompt, groups },
    variant,
    further: tokens,
    observe,
    topKeys: observe,
  });
  const { stopIds } = model.facts;
  const sampling = { temperature: 0, topP: 1, seed: 0 };
  const request = { maxNewTokens: tokens, stopIds, sampling, observe, topKeys: observe };
  const ids: number[] = [];
  const observations: Observation[] = [];
  for await (const { id, observation } of continued(run, request, { signal: model.signal })) {
    ids.push(id);
    if (observation) observations.push(observation);
    if (hasTokenizer(model) && /\S\s*\n/u.test(model.decode(ids))) break;
  }
  return { ids, observations };
}

const hasTokenizer = ({ facts }: ModelRunner): boolean => facts.summary.tokenizer === true;

function answerWith(model: ModelRunner, { sample }: NeedleTest, ids: readonly number[]): Answer {
  const said = model.facts.stopIds.includes(ids.at(-1) ?? -1) ? ids.slice(0, -1) : ids;
  const text = model.decode(said).trim();
  return { text, tokens: model.pieces(ids.slice(0, mostKept)), recall: recallOf(model, sample, said, text) };
}

/** Recall of the right answer that overlaps most with the text. */
function recallOf(model: ModelRunner, sample: Sample, ids: readonly number[], text: string): number {
  const targets = sample.answers.texts.right.map(wordsOf).filter((words) => words.length > 0);
  if (!hasTokenizer(model) || targets.length === 0) return unigramRecall(answerOf(sample), ids);
  const words = wordsOf(text);
  return Math.max(...targets.map((target) => unigramRecall(target, words)));
}
