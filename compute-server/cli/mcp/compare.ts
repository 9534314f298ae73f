/** The tool `compare`: two saved results of one kind side by side. */
import { readFile, stat } from 'node:fs/promises';
import { changeSentence } from '../../../protocol/results/benchmark-changes';
import { differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import type { Comparison } from '../../../protocol/results/comparison-schema';
import { checkResult, type SavedResult } from '../../../protocol/results/saved-result';
import { benchmarkChangeSections } from '../../../protocol/results/sections/benchmark-changes';
import { parseJsonText } from '../../../protocol/wire/json-text';
import { counted } from '../../../protocol/wire/number-words';
import { whyUnread } from '../../../protocol/wire/unread';
import { headscopeVersion } from '../../version';
import { wrongUsage } from '../exit-codes';
import { sectionText } from '../section-text';
import type { CommandSession } from '../session';
import { isAddress, type KeptResults } from './kept-results';
import type { Roots } from './roots';

/** Larger files are no result of one run. */
const largest = 2 ** 28;

export interface Compared {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

type Changes = Pick<Comparison, 'title' | 'finding' | 'otherFinding' | 'sections'>;

export async function compared(
  given: Readonly<Record<string, unknown>>,
  { roots, kept, session }: { readonly roots: Roots; readonly kept: KeptResults; readonly session: CommandSession },
): Promise<Compared> {
  for (const name of Object.keys(given)) {
    if (name !== 'result' && name !== 'other') {
      throw wrongUsage(`compare has no parameter "${name.slice(0, 60)}". It takes result, other.`);
    }
  }
  const read = async (name: 'result' | 'other'): Promise<SavedResult> => {
    const value = given[name];
    if (typeof value !== 'string' || value === '') {
      throw wrongUsage(`compare needs "${name}": a file, or the address of an earlier result.`);
    }
    return resultOf(value, isAddress(value) ? kept.json(value) : await textIn(await roots.within(value)));
  };
  const [own, other] = [await read('result'), await read('other')];
  const changes = await changesBetween(own, other, session);
  const differences = differenceSentence(own, other);
  const json: Comparison = {
    ...{ kind: 'headscope-comparison', version: 1, headscope: headscopeVersion, created: new Date().toISOString() },
    ...changes,
    differences,
  };
  const { finding, otherFinding, sections } = changes;
  return {
    text: [finding, `The other: ${otherFinding}`, differences, ...sections.map(sectionText)].join('\n\n'),
    json: { ...json },
  };
}

async function changesBetween(own: SavedResult, other: SavedResult, session: CommandSession): Promise<Changes> {
  if (own.kind === 'headscope-analysis' && other.kind === 'headscope-analysis') {
    refuseOthers(own, other);
    const sections = await session.compute().call('compareAnalyses', [other, own], { signal: session.signal });
    return { title: own.title, finding: own.finding, otherFinding: other.finding, sections };
  }
  if (own.kind === 'headscope-bench' && other.kind === 'headscope-bench') {
    refuseOthers(own, other);
    const finding = changeSentence({ here: own, there: other, other: theOther, name: (id) => id });
    const sections = benchmarkChangeSections(own, other);
    return { title: 'Benchmark', finding, otherFinding: benchmarkWords(other), sections };
  }
  throw wrongUsage(
    own.kind === other.kind
      ? 'Runs of modules are compared in their panel. Name two results of an analysis, of heads, of a task or of a benchmark.'
      : `${capital(kindWords(own))} cannot be compared with ${kindWords(other)}. Name two results of one kind.`,
  );
}

const theOther = 'the other result';

function refuseOthers<T extends SavedResult>(own: T, other: T): void {
  const refused = whyNotCompared(own, other, theOther);
  if (refused !== undefined) throw wrongUsage(refused);
}

function kindWords(result: SavedResult): string {
  switch (result.kind) {
    case 'headscope-bench':
      return 'a benchmark';
    case 'headscope-module':
      return 'a run of a module';
    case 'headscope-analysis':
      return `a result of ${result.analysis}`;
  }
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** `causal-self, 2 points on CPU, 2026-12-02T10:00:00.000Z` */
const benchmarkWords = ({ plan, rows, device, created }: Extract<SavedResult, { readonly kind: 'headscope-bench' }>) =>
  `${plan.shape.pattern}, ${counted(rows.length, 'point', 'points')} on ${device.name}, ${created}`;

async function textIn(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > largest) throw wrongUsage(`${path} is too large to be a result.`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw wrongUsage(`${path} cannot be read: ${whyUnread(error)}. Check the path.`);
  }
}

function resultOf(name: string, text: string | undefined): SavedResult {
  if (text === undefined) {
    throw wrongUsage(`${name} is not kept any more. Run it again, or give the file that it was saved to.`);
  }
  const parsed = parseJsonText(text);
  if (!parsed.ok) throw wrongUsage(`${name} is not valid JSON (${parsed.fault}). Correct it.`);
  const read = checkResult(parsed.value);
  if (read.ok) return read.result;
  throw wrongUsage(`${name} is no result of the tools run, heads, task or bench: ${read.why}`);
}
