/**
 * Which published configs name a model that would run but for the format of its weights, by kind: of the folder that HEADSCOPE_CORPUS
 * names (else `../shared/corpus`).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnable } from '../../models/architectures/catalogue';
import { parseConfig } from '../../models/formats/config/parse-config';
import { describeModel } from '../../models/formats/describe-model';
import { mainPart, type ModelDescription } from '../../models/formats/model-description';
import { corpus, corpusModels } from '../support/corpus';

const textKinds = [
  'decoder, dense',
  'decoder, experts',
  'decoder, states',
  'encoder',
  'encoder-decoder',
  'text of several parts',
] as const;

const all = 'all that reads text' as const;
const other = 'pictures, sound, other' as const;

type Kind = (typeof textKinds)[number] | typeof other;

function kindOf(model: ModelDescription): Kind {
  const part = mainPart(model);
  const texts = model.parts.filter(({ role }) => role === 'decoder' || role === 'encoder');
  const reads = part !== undefined && (part.role === 'decoder' || part.role === 'encoder') && part.vocabularySize;
  if (!part || !reads) return other;
  if (model.parts.length > texts.length) return 'text of several parts';
  if (texts.length > 1) return 'encoder-decoder';
  if (part.role === 'encoder') return 'encoder';
  const { layers } = part;
  if (layers.some(({ attention: { kind } }) => kind === 'linear' || kind === 'mamba' || kind === 'none'))
    return 'decoder, states';
  return layers.some(({ feedForward }) => feedForward.experts) ? 'decoder, experts' : 'decoder, dense';
}

interface Share {
  readonly kind: Kind | typeof all;
  readonly runs: number;
  readonly of: number;
  /** Why the others do not, the most frequent first: the family, or the sentence. */
  readonly missing: readonly (readonly [why: string, count: number])[];
}

/** Counts by kind; nothing is counted where the folder is not there. */
export function corpusShare(): readonly Share[] {
  const verdicts = corpusModels.flatMap((name) => {
    const config = parseConfig(readFileSync(join(corpus, name, 'config.json'), 'utf8'));
    if (!config.ok) return [];
    const { quantisation: _format, ...model } = describeModel(config.value);
    return { kind: kindOf(model), verdict: runnable(model), family: mainPart(model)?.family ?? model.family };
  });
  return [...textKinds, all, other].map((kind) => {
    const own = verdicts.filter((each) => (kind === all ? each.kind !== other : each.kind === kind));
    const why = new Map<string, number>();
    for (const { verdict, family } of own) {
      if (verdict === true) continue;
      const word = /does not run/.test(verdict) ? family : `${family}: ${verdict.split(', and ')[0] ?? ''}`;
      why.set(word, (why.get(word) ?? 0) + 1);
    }
    const missing = [...why].toSorted(([, one], [, other]) => other - one);
    return { kind, runs: own.filter(({ verdict }) => verdict === true).length, of: own.length, missing };
  });
}
