/** Each text once, with the maps of all heads of cross-attention, and what is made of them. */
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Variant } from '../../../models/instrument/changes/changes';
import { bestLinks, linksFrom, meanShares, moments, wordShares, type Moment, type WordShares } from './align';
import { agreementOf, type Agreement, type Link } from './links';
import type { CrossAlignmentParameters } from './parameters';
import type { CrossAlignmentResult, MomentNumbers, RankedHead } from './result';
import { countsOfTexts, orderOf, permutationNull, shareAsLow, type Candidate, type Null } from './score';
import { alignedTexts, type AlignedText } from './texts';

/** Alignments of one text, by moment. */
type OfText = Readonly<Record<Moment, MomentOfText>>;

interface MomentOfText {
  /** [layers][heads] */
  readonly links: readonly (readonly (readonly Link[])[])[];
  /** [layers][heads]: mean of the largest share of each word. */
  readonly largest: readonly (readonly number[])[];
  /** Those of the mean over the heads of each layer, and over all heads. */
  readonly layers: readonly (readonly Link[])[];
  readonly all: readonly Link[];
  /** [layers][heads]; of the first text alone. */
  readonly shares?: readonly (readonly WordShares[])[];
}

type Linked = (shares: WordShares) => readonly Link[];

export async function* crossAlignmentRun(
  model: ModelRunner,
  { input, parameters, interventions = [], variant, seed, step }: AnalysisJob<CrossAlignmentParameters>,
): AsyncGenerator<Step<CrossAlignmentResult>, CrossAlignmentResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const texts = await alignedTexts(model, prompt, { parameters, interventions });
  const { links, threshold } = parameters;
  const linked: Linked = links === 'threshold' ? (shares) => linksFrom(shares, threshold) : bestLinks;
  const measured: OfText[] = [];
  for (const [at, text] of texts.entries()) {
    yield {
      sentence: `Text ${at + 1} of ${texts.length}`,
      done: at,
      total: texts.length,
      ...(at > 0 ? { partial: resultOf(texts.slice(0, at), measured, parameters, undefined) } : {}),
    };
    measured.push(await step(`text ${at}`, () => textMeasured(model, text, variant, linked, at === 0)));
  }
  const none = permutationNull(candidatesOf(measured), goldOf(texts), parameters.permutations, seed);
  return resultOf(texts, measured, parameters, none);
}

async function textMeasured(
  model: ModelRunner,
  { prompt, source, target }: AlignedText,
  variant: Variant,
  linked: Linked,
  keepsShares: boolean,
): Promise<OfText> {
  const { blocks } = model.facts;
  const places = blocks.flatMap(({ cross }, layer) =>
    Array.from({ length: cross?.heads ?? 0 }, (_, head) => ({ layer, head })),
  );
  const shares: Record<Moment, WordShares[][]> = { writing: [], reading: [] };
  for await (const { layer, cross } of model.layers({
    ...prompt,
    variants: [variant],
    crossMaps: places,
    logits: 'none',
  })) {
    const maps = places.flatMap((place) => (place.layer === layer ? [cross?.maps.get(place.head)] : []));
    for (const moment of moments) {
      shares[moment].push(
        maps.map((map) => {
          if (!map) throw new RangeError(`the run gave no map of cross-attention in layer ${layer}`);
          return wordShares(map, { source, target, moment });
        }),
      );
    }
  }
  const ofMoment = (own: readonly (readonly WordShares[])[]): MomentOfText => ({
    links: own.map((heads) => heads.map(linked)),
    largest: own.map((heads) => heads.map(largestMean)),
    layers: own.map((heads) => linked(meanShares(heads))),
    all: linked(meanShares(own.flat())),
    ...(keepsShares ? { shares: own } : {}),
  });
  return { writing: ofMoment(shares.writing), reading: ofMoment(shares.reading) };
}

/** Words that no row writes or reads are left out. */
function largestMean(shares: WordShares): number {
  const own = shares.map((row) => Math.max(0, ...row)).filter((most) => most > 0);
  return own.length === 0 ? Number.NaN : own.reduce((sum, most) => sum + most, 0) / own.length;
}

const goldOf = (texts: readonly AlignedText[]) =>
  texts.map(({ source, gold }) => ({ sourceWords: source.texts.length, ...(gold ? { gold } : {}) }));

const candidatesOf = (measured: readonly OfText[]): readonly Candidate[] =>
  moments.flatMap((moment) =>
    (measured[0]?.[moment].links ?? []).flatMap((heads, layer) =>
      heads.map((_, head) => ({
        layer,
        head,
        moment,
        links: measured.map((text) => text[moment].links[layer]?.[head] ?? []),
      })),
    ),
  );

const mostRanked = 20;

function resultOf(
  texts: readonly AlignedText[],
  measured: readonly OfText[],
  { unit, links, threshold, permutations }: CrossAlignmentParameters,
  none: Null | undefined,
): CrossAlignmentResult {
  const gold = goldOf(texts);
  const isGold = texts.some((text) => text.gold !== undefined);
  const scored = (found: readonly (readonly Link[])[]): Agreement =>
    isGold ? agreementOf(countsOfTexts(found, gold)) : { aer: Number.NaN, precision: Number.NaN, recall: Number.NaN };
  const numbersOf = (moment: Moment): MomentNumbers => {
    const own = measured.map((text) => text[moment]);
    const shape = own[0]?.links ?? [];
    const perHead = (of: (layer: number, head: number) => number): number[][] =>
      shape.map((heads, layer) => heads.map((_, head) => of(layer, head)));
    const agreements = shape.map((heads, layer) =>
      heads.map((_, head) => scored(own.map((text) => text.links[layer]?.[head] ?? []))),
    );
    const layers = shape.map((_, layer) => scored(own.map((text) => text.layers[layer] ?? [])));
    const field = (name: keyof Agreement): number[][] =>
      perHead((layer, head) => agreements[layer]?.[head]?.[name] ?? Number.NaN);
    return {
      aer: field('aer'),
      precision: field('precision'),
      recall: field('recall'),
      largest: perHead((layer, head) => meanOf(own.map((text) => text.largest[layer]?.[head] ?? Number.NaN))),
      order: perHead((layer, head) => orderOf(own.map((text) => text.links[layer]?.[head] ?? []))),
      layers: {
        aer: layers.map(({ aer }) => aer),
        precision: layers.map(({ precision }) => precision),
        recall: layers.map(({ recall }) => recall),
      },
      all: scored(own.map((text) => text.all)),
    };
  };
  const numbers = { writing: numbersOf('writing'), reading: numbersOf('reading') };
  const ranked = rankedHeads(numbers, isGold, none);
  const [first] = ranked;
  const [text] = texts;
  const shares = first && measured[0]?.[first.moment].shares?.[first.layer]?.[first.head];
  const all = texts.flatMap((each) => each.gold ?? []);
  return {
    gold: isGold,
    unit: unit === 'tokens' ? 'tokens' : 'words',
    links: links === 'threshold' ? 'threshold' : 'best',
    threshold,
    texts: texts.length,
    sureLinks: all.filter(({ sure }) => sure).length,
    possibleLinks: all.filter(({ sure }) => !sure).length,
    source: text?.source.texts ?? [],
    target: text?.target.texts ?? [],
    goldLinks: text?.gold ?? [],
    ...numbers,
    best: ranked.slice(0, mostRanked),
    null: none ? { mean: none.mean, sd: none.sd, lowest: none.lowest, permutations } : null,
    ...(first && shares
      ? {
          drawn: {
            layer: first.layer,
            head: first.head,
            moment: first.moment,
            shares,
            links: measured[0]?.[first.moment].links[first.layer]?.[first.head] ?? [],
          },
        }
      : {}),
  };
}

/** Best first; of equals the earlier layer, head and moment. */
function rankedHeads(
  numbers: Readonly<Record<Moment, MomentNumbers>>,
  isGold: boolean,
  none: Null | undefined,
): readonly RankedHead[] {
  const all = moments.flatMap((moment) => {
    const { aer, precision, recall, largest, order } = numbers[moment];
    return aer.flatMap((row, layer) =>
      row.map((own, head): RankedHead => {
        const at = (table: readonly (readonly number[])[]): number => table[layer]?.[head] ?? Number.NaN;
        return {
          ...{ layer, head, moment },
          ...{ aer: own, precision: at(precision), recall: at(recall), largest: at(largest), order: at(order) },
          p: shareAsLow(own, none),
        };
      }),
    );
  });
  const badness = ({ aer, largest }: RankedHead): number => {
    const value = isGold ? aer : -largest;
    return Number.isNaN(value) ? Infinity : value;
  };
  return all.toSorted(
    (a, b) => badness(a) - badness(b) || b.largest - a.largest || a.layer - b.layer || a.head - b.head,
  );
}

function meanOf(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length;
}
