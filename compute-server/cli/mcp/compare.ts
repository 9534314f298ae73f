/** The tool `compare`: two saved results of one analysis side by side. */
import { readFile, stat } from 'node:fs/promises';
import { analysisResult, type AnalysisResult } from '../../../protocol/analysis/schema';
import { differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import { check } from '../../../protocol/schema/check';
import { parseJsonText } from '../../../protocol/wire/json-text';
import { whyUnread } from '../../../protocol/wire/unread';
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

export async function compared(
  given: Readonly<Record<string, unknown>>,
  { roots, kept, session }: { readonly roots: Roots; readonly kept: KeptResults; readonly session: CommandSession },
): Promise<Compared> {
  for (const name of Object.keys(given)) {
    if (name !== 'result' && name !== 'other') {
      throw wrongUsage(`compare has no parameter "${name.slice(0, 60)}". It takes result, other.`);
    }
  }
  const read = async (name: 'result' | 'other'): Promise<AnalysisResult> => {
    const value = given[name];
    if (typeof value !== 'string' || value === '') {
      throw wrongUsage(`compare needs "${name}": a file, or the address of an earlier result.`);
    }
    return resultOf(value, isAddress(value) ? kept.json(value) : await textIn(await roots.within(value)));
  };
  const [own, other] = [await read('result'), await read('other')];
  const refused = whyNotCompared(own, other, 'the other result');
  if (refused !== undefined) throw wrongUsage(refused);
  const sections = await session.compute().call('compareAnalyses', [other, own], { signal: session.signal });
  const differences = differenceSentence(own, other);
  return {
    text: [own.finding, `The other: ${other.finding}`, differences, ...sections.map(sectionText)].join('\n\n'),
    json: { analysis: own.analysis, finding: own.finding, otherFinding: other.finding, differences, sections },
  };
}

async function textIn(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > largest) throw wrongUsage(`${path} is too large to be a result.`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw wrongUsage(`${path} cannot be read: ${whyUnread(error)}. Check the path.`);
  }
}

function resultOf(name: string, text: string | undefined): AnalysisResult {
  if (text === undefined) {
    throw wrongUsage(`${name} is not kept any more. Run it again, or give the file that it was saved to.`);
  }
  const parsed = parseJsonText(text);
  if (!parsed.ok) throw wrongUsage(`${name} is not valid JSON (${parsed.fault}). Correct it.`);
  const read = check(analysisResult, parsed.value, 'The file');
  if (read.ok) return read.result;
  throw wrongUsage(`${name} is not a result of an analysis, as the tool "run" gives it: ${read.why}`);
}
