/**
 * Episodes of three sessions. Things are seen as a glyph or heard as a tone in the first two and leave a unit of memory each; in the third
 * they are asked for through the other modality. A thing is 8 numbers; a glyph (8 x 8) and a tone (16) are fixed linear images of it
 * with noise, so that what is learned holds for things that training never had. A unit of the second session may only refer to one of
 * the first: its link leads to the unit that has the answer.
 */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';

const numbersOfThing = 8;
export const glyphSize = 64;
export const toneSize = 16;
/** Units of a session. */
const unitsOfSession = 6;
export const units = 2 * unitsOfSession;
/** Units of the second session that refer to one of the first. */
const references = 3;
const noise = 0.1;

export type Modality = 'glyph' | 'tone';

interface Unit {
  readonly session: 1 | 2;
  readonly modality: Modality;
  readonly perceived: Float32Array;
  /** Unit of the first session that it refers to. */
  readonly refersTo?: number;
}

interface Question {
  readonly modality: Modality;
  readonly perceived: Float32Array;
  /** Unit of the thing that is asked for, and the unit with the answer. */
  readonly about: number;
  readonly answer: number;
}

export interface Episode {
  readonly units: readonly Unit[];
  readonly questions: readonly Question[];
}

export class Things {
  private readonly images: Readonly<Record<Modality, readonly Float64Array[]>>;

  constructor(seed: number) {
    const image = (modality: Modality, size: number): readonly Float64Array[] => {
      const source = random(seedFor(seed, modality));
      return Array.from({ length: size }, () =>
        Float64Array.from({ length: numbersOfThing }, () => source.normal() / Math.sqrt(numbersOfThing)),
      );
    };
    this.images = { glyph: image('glyph', glyphSize), tone: image('tone', toneSize) };
  }

  thing(source: Random): Float64Array {
    return Float64Array.from({ length: numbersOfThing }, () => source.normal());
  }

  perceived(thing: Float64Array, modality: Modality, source: Random): Float32Array {
    return Float32Array.from(
      this.images[modality],
      (row) => row.reduce((sum, value, at) => sum + value * (thing[at] ?? 0), 0) + noise * source.normal(),
    );
  }

  episode(source: Random): Episode {
    const other = (modality: Modality): Modality => (modality === 'glyph' ? 'tone' : 'glyph');
    const things = Array.from({ length: units }, () => this.thing(source));
    const early = Array.from({ length: unitsOfSession }, (_, at) => at);
    const referring = sample(source, early, references).map((at) => at + unitsOfSession);
    const referred = sample(source, early, references);
    const made = things.map((thing, at): Unit => {
      const modality = source.uniform() < 0.5 ? 'glyph' : 'tone';
      const refersTo = referred[referring.indexOf(at)];
      return {
        session: at < unitsOfSession ? 1 : 2,
        modality,
        perceived: this.perceived(thing, modality, source),
        ...(refersTo === undefined ? {} : { refersTo }),
      };
    });
    const questions = made.map(({ modality, refersTo }, about): Question => ({
      modality: other(modality),
      perceived: this.perceived(things[about] ?? this.thing(source), other(modality), source),
      about,
      answer: refersTo ?? about,
    }));
    return { units: made, questions };
  }
}
