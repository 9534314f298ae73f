/** From the parts of all pictures to what the heads say. Definitions: `shares.ts`, `text-span.ts`, and the docstrings of `result.ts`. */
import { random, type Random } from '../../../kernels/tensors/random';
import { largest } from '../../shared/statistics/largest';
import { sample } from '../../tasks/draft';
import type { PictureParts } from './contributions';
import { addTo } from './readout';
import type { Ablated, Classified, Concept, DescribedHead, Named } from './result';
import { rotation } from './rotation';
import { centred, meanRow, shareOf, textShares } from './shares';
import { alongOneText, rowSpace, textSpan } from './text-span';
import { dot, mean } from '../../../kernels/tensors/vectors';

/**
 * Rotations of the texts that heads are held against (`rotation.ts`). A head without any relation to the texts is above all of them in
 * one case of 20.
 */
export const rotations = 19;
/** How many of these rotations are used where one takes long. */
export const fewRotations = 3;
/** Heads of a concept whose shares are summed. */
export const headsOfConcept = 3;
/** Draws of random heads. */
export const draws = 100;
/** Heads that are removed for the classification, and draws of as many. */
const headsRemoved = 5;
export const removalDraws = 20;
/** Directions of a head that texts are projected onto, as the code of the paper has it. */
const mostDirections = 80;
/** Pictures that are named of each head. */
const namedPictures = 3;

export interface Place {
  readonly layer: number;
  readonly head: number;
}

export interface SharesOfHead {
  readonly place: Place;
  /** [texts] */
  readonly own: readonly number[];
  /** [few rotations][texts] */
  readonly rotated: readonly (readonly number[])[];
}

export class Measure {
  readonly width: number;
  private readonly wholes: readonly Float32Array[];
  private readonly centredWholes: readonly Float64Array[];
  /** Texts as vectors of length 1. */
  private readonly texts: readonly Float64Array[];
  /** [rotations][texts] */
  private readonly rotatedTexts: readonly (readonly Float32Array[])[];
  /** [texts][pictures], centred. */
  private readonly scores: readonly Float64Array[];
  /** Scores under a few rotations. */
  private readonly rotatedScores: readonly (readonly Float64Array[])[];

  constructor(
    private readonly parts: readonly PictureParts[],
    private readonly names: readonly string[],
    private readonly textNames: readonly string[],
    embeddings: readonly ArrayLike<number>[],
    private readonly seed: number,
  ) {
    this.wholes = parts.map(({ whole }) => whole);
    this.centredWholes = centred(this.wholes);
    this.width = this.wholes[0]?.length ?? 0;
    this.texts = embeddings.map(ofLengthOne);
    const source = random(seed);
    this.rotatedTexts = Array.from({ length: rotations }, () => {
      const rotate = rotation(this.width, source);
      return this.texts.map(rotate);
    });
    this.scores = this.texts.map((text) => this.centredScores(text));
    this.rotatedScores = this.rotatedTexts
      .slice(0, fewRotations)
      .map((texts) => texts.map((text) => this.centredScores(text)));
  }

  /** What a head gives to each picture, [K][D]. */
  private ofHead({ layer, head }: Place): readonly Float32Array[] {
    const { width } = this;
    return this.parts.map(({ heads }) =>
      (heads[layer] ?? new Float32Array(0)).subarray(head * width, (head + 1) * width),
    );
  }

  headShare(place: Place): number {
    return shareOf(this.ofHead(place), this.centredWholes);
  }

  share(of: (parts: PictureParts) => Float32Array | undefined): number {
    const rows = this.parts.flatMap((each) => of(each) ?? []);
    return rows.length < this.parts.length ? Number.NaN : shareOf(rows, this.centredWholes);
  }

  describe(
    place: Place,
    count: number,
  ): {
    readonly described: DescribedHead;
    readonly along: number;
    /** The same of the rotations, the largest. */
    readonly alongRotated: number;
    readonly explained: number;
    /** The same of few rotations, the mean. */
    readonly rotated: number;
  } {
    const rows = centred(this.ofHead(place));
    const space = rowSpace(rows, mostDirections);
    const found = textSpan(space, this.texts, count);
    const explained = (spanned: typeof found): number =>
      spanned.at(-1)?.explained ?? (space.total === 0 ? Number.NaN : 0);
    const first = this.texts[found[0]?.text ?? -1];
    const scores = first ? rows.map((row) => dot(row, first)) : [];
    const pictures = (order: readonly number[]): readonly Named[] =>
      order.map((at) => ({ name: this.names[at] ?? '', value: scores[at] ?? Number.NaN }));
    const few = Math.min(namedPictures, Math.floor(scores.length / 2));
    return {
      described: {
        ...place,
        texts: found.map(({ text, explained: value }) => ({ name: this.textNames[text] ?? '', value })),
        most: pictures(largest(scores, few)),
        least: pictures(
          largest(
            scores.map((value) => -value),
            few,
          ),
        ),
      },
      along: alongOneText(space, this.texts),
      alongRotated: Math.max(...this.rotatedTexts.map((texts) => alongOneText(space, texts))),
      explained: explained(found),
      rotated: mean(this.rotatedTexts.slice(0, fewRotations).map((texts) => explained(textSpan(space, texts, count)))),
    };
  }

  /** [texts]: what a head writes of what varies along each text, and along a few rotations of it. */
  sharesOf(place: Place): SharesOfHead {
    const rows = this.ofHead(place);
    return {
      place,
      own: textShares(rows, this.texts, this.scores),
      rotated: this.rotatedScores.map((scores, at) => textShares(rows, this.rotatedTexts[at] ?? [], scores)),
    };
  }

  /** Every text, those first whose heads stand out most against the rotated text. */
  concepts(ofHeads: readonly SharesOfHead[]): readonly Concept[] {
    const places = ofHeads.map(({ place }) => place);
    const shares = ofHeads.map(({ own }) => own);
    const few = Math.min(headsOfConcept, places.length);
    const tops = this.rotatedScores.map((_, at) =>
      this.texts.map((__, text) =>
        topOf(
          ofHeads.map(({ rotated }) => rotated[at]?.[text] ?? Number.NaN),
          few,
        ),
      ),
    );
    const source = random(this.seed + 1);
    const drawn = Array.from({ length: draws }, () => sample(source, [...places.keys()], few));
    const cosines = this.cosines();
    return this.texts
      .map((_, at): Concept => {
        const own = shares.map((each) => each[at] ?? Number.NaN);
        const ofText = cosines.map((each) => each[at] ?? Number.NaN);
        const [nearest = 0] = largest(ofText, 1);
        return {
          text: this.textNames[at] ?? '',
          spread: deviation(ofText),
          heads: largest(own, few).flatMap((head) => {
            const [place, share = Number.NaN] = [places[head], own[head]];
            return place && !Number.isNaN(share) ? [{ ...place, share }] : [];
          }),
          top: topOf(own, few),
          random: mean(drawn.map((heads) => heads.reduce((sum, head) => sum + (own[head] ?? Number.NaN), 0))),
          rotated: mean(tops.map((each) => each[at] ?? Number.NaN).filter((top) => !Number.isNaN(top))),
          nearest: { name: this.names[nearest] ?? '', value: ofText[nearest] ?? Number.NaN },
        };
      })
      .sort((a, b) => rankOf(b) - rankOf(a));
  }

  nearest(count: number): readonly { readonly name: string; readonly texts: readonly Named[] }[] {
    return this.cosines().map((cosines, k) => ({
      name: this.names[k] ?? '',
      texts: largest(cosines, count).map((at) => ({
        name: this.textNames[at] ?? '',
        value: cosines[at] ?? Number.NaN,
      })),
    }));
  }

  /** One entry more than there are layers; between them it can be left. */
  *ablated(layers: number, heads: (layer: number) => number): Generator<void, readonly Ablated[]> {
    const plain = this.wholes.map((whole) => nearestOf(whole, this.texts));
    const total = this.centredWholes.reduce((sum, row) => sum + dot(row, row), 0);
    const [withoutAttention, withoutMlps] = [0, 1].map(() => this.wholes.map((whole) => Float64Array.from(whole)));
    if (!withoutAttention || !withoutMlps) throw new RangeError('two copies are made');
    const found: Ablated[] = [];
    const keptOf = (rows: readonly Float64Array[]): number => {
      const changed = rows.reduce(
        (sum, row, k) => sum + row.reduce((own, value, i) => own + (value - (this.wholes[k]?.[i] ?? 0)) ** 2, 0),
        0,
      );
      return total === 0 ? Number.NaN : 1 - changed / total;
    };
    const agreeing = (rows: readonly Float64Array[]): number =>
      rows.filter((row, k) => nearestOf(row, this.texts) === plain[k]).length / rows.length;
    for (let layer = 0; layer <= layers; layer++) {
      found.push({
        layers: layer,
        attentionKept: keptOf(withoutAttention),
        mlpKept: keptOf(withoutMlps),
        attentionAgrees: agreeing(withoutAttention),
        mlpAgrees: agreeing(withoutMlps),
      });
      if (layer === layers) break;
      yield;
      for (let head = 0; head < heads(layer); head++) takeOut(withoutAttention, this.ofHead({ layer, head }));
      takeOut(
        withoutMlps,
        this.parts.map(({ mlps }) => mlps[layer] ?? new Float32Array(this.width)),
      );
    }
    return found;
  }

  /** Zero-shot classification with and without the heads whose shares along the classes are largest. */
  classified(
    labels: ReadonlyMap<string, string>,
    classes: readonly string[],
    embeddings: readonly ArrayLike<number>[],
    places: readonly Place[],
  ): Classified | undefined {
    const texts = embeddings.map(ofLengthOne);
    const labelled = this.names.flatMap((name, k) => {
      const at = classes.indexOf(labels.get(name) ?? '');
      return at < 0 ? [] : [{ k, at }];
    });
    const [chosenOn, tested] = [0, 1].map((half) => labelled.filter((_, i) => i % 2 === half));
    if (!chosenOn || !tested || tested.length === 0 || places.length <= headsRemoved) return undefined;
    const wholes = centred(chosenOn.map(({ k }) => this.wholes[k] ?? new Float32Array(this.width)));
    const scores = texts.map((text) => Float64Array.from(wholes, (row) => dot(row, text)));
    const shares = places.map((place) => {
      const rows = this.ofHead(place);
      return mean(
        textShares(
          chosenOn.map(({ k }) => rows[k] ?? new Float32Array(this.width)),
          texts,
          scores,
        ),
      );
    });
    const chosen = largest(shares, headsRemoved);
    const others = [...places.keys()].filter((at) => !chosen.includes(at));
    const accuracyWithout = (heads: readonly number[]): number => {
      const rows = this.wholes.map((whole) => Float64Array.from(whole));
      for (const at of heads) takeOut(rows, this.ofHead(places[at] ?? { layer: 0, head: 0 }));
      return tested.filter(({ k, at }) => nearestOf(rows[k] ?? [], texts) === at).length / tested.length;
    };
    const source: Random = random(this.seed + 2);
    const some = Math.min(headsRemoved, others.length);
    const accuracies = Array.from({ length: removalDraws }, () => accuracyWithout(sample(source, others, some)));
    return {
      classes: classes.length,
      tested: tested.length,
      accuracy: accuracyWithout([]),
      chance: 1 / classes.length,
      removed: chosen.flatMap((at) => places[at] ?? []),
      withoutChosen: accuracyWithout(chosen),
      withoutRandom: mean(accuracies),
      lowestRandom: Math.min(...accuracies),
      highestRandom: Math.max(...accuracies),
    };
  }

  private centredScores(text: ArrayLike<number>): Float64Array {
    return Float64Array.from(this.centredWholes, (row) => dot(row, text));
  }

  /** [pictures][texts] */
  private cosines(): readonly (readonly number[])[] {
    return this.wholes.map((whole) => {
      const length = Math.sqrt(dot(whole, whole));
      return this.texts.map((text) => dot(whole, text) / length);
    });
  }
}

export function ofLengthOne(x: ArrayLike<number>): Float64Array {
  const length = Math.sqrt(dot(x, x));
  return Float64Array.from(x, (value) => value / length);
}

/** The nearest text, the first among equals. Texts have length 1, so the product orders them as the cosine does. */
function nearestOf(x: ArrayLike<number>, texts: readonly Float64Array[]): number {
  const [found = -1] = largest(
    texts.map((text) => dot(x, text)),
    1,
  );
  return found;
}

/** What a part writes is replaced by its mean over pictures. */
function takeOut(rows: readonly Float64Array[], part: readonly Float32Array[]): void {
  const own = meanRow(part);
  rows.forEach((row, k) => {
    addTo(row, part[k] ?? own, -1);
    addTo(row, own);
  });
}

const topOf = (shares: readonly number[], count: number): number =>
  largest(shares, count).reduce((sum, at) => sum + (shares[at] ?? 0), 0);

/** Texts along which the pictures do not differ come last. */
const rankOf = ({ top, rotated }: Concept): number =>
  Number.isNaN(top) ? -Infinity : top - (Number.isNaN(rotated) ? 0 : rotated);

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
