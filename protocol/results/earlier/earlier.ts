/**
 * Results that earlier versions saved in files of a kind of their own, as results of the analyses that took their place. All that a
 * result says stands in its file: what the file lacks is absent.
 */
import type { AnalysisResult } from '../../analysis/schema';
import { parseJson, type Checked, type Schema } from '../../schema/check';
import { writtenHeads } from '../heads-schema';
import { savedHallucination } from '../hallucination-schema';
import { resultOfCaptions } from './captions';
import { resultOfHeads } from './heads';
import { resultOfVhd } from './vhd';

const reader =
  <Written>(schema: Schema<Written>, resultOf: (written: Written) => AnalysisResult) =>
  (text: string): Checked<AnalysisResult> => {
    const read = parseJson(schema, text);
    return read.ok ? { ok: true, result: resultOf(read.result) } : read;
  };

/** By the kind of file, as the library names it: the text of a file as a result, or a sentence that says what is wrong with it. */
export const earlierKinds = {
  heads: reader(writtenHeads, resultOfHeads),
  hallucination: reader(savedHallucination, (saved) =>
    saved.kind === 'headscope-hallucination-set' ? resultOfCaptions(saved) : resultOfVhd(saved),
  ),
} as const;

export type EarlierKind = keyof typeof earlierKinds;
