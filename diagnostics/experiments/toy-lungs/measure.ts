/** What is measured of trained networks on test pictures. */
import { agreement } from '../../../kernels/modules/medusa/pictures';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import type { Network } from '../../../kernels/training/network';
import type { Measures } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import { batchOf, batchSize, gateSides, type Form } from './network';
import { cellsOf, classes, type LungPicture, type Spot } from './pictures';
import { mean } from '../../../kernels/tensors/vectors';

/** What the network sees in one picture. */
export interface SeenPicture {
  readonly picture: LungPicture;
  /** Whether the larger logit belongs to the right class. */
  readonly right: boolean;
  /** A_1 to A_3, row by row; empty without gates. */
  readonly maps: readonly (readonly number[])[];
  /** A_G; empty without a shared body. */
  readonly global: readonly number[];
}

/** `pictures`: a multiple of the batch. */
export async function seenPictures(
  trainer: Trainer,
  network: Network,
  parameters: Parameters,
  form: Form,
  pictures: readonly LungPicture[],
): Promise<readonly SeenPicture[]> {
  const seen: SeenPicture[] = [];
  for (let first = 0; first + batchSize <= pictures.length; first += batchSize) {
    const some = pictures.slice(first, first + batchSize);
    const { outputs } = await trainer.forward(network, parameters, batchOf(some));
    const numbersOf = (name: string, at: number): readonly number[] => {
      const all = Array.from(outputs[name]?.data ?? [], Number);
      const each = all.length / batchSize;
      return all.slice(at * each, (at + 1) * each);
    };
    some.forEach((picture, at) => {
      const logits = numbersOf('logits', at);
      seen.push({
        picture,
        right: logits.indexOf(Math.max(...logits)) === picture.label && logits.length === classes,
        maps: form === 'none' ? [] : gateSides.map((_, scale) => numbersOf(`map${scale + 1}`, at)),
        global: form === 'shared' ? numbersOf('global', at) : [],
      });
    });
  }
  return seen;
}

/** 1 where the largest value of a square map lies on a cell with a pixel of the blob, 0 elsewhere; the share of them where several are largest. */
export function pointing(map: readonly number[], lesion: Spot): number {
  const touched = cellsOf(lesion, Math.sqrt(map.length));
  const most = Math.max(...map);
  return mean(map.flatMap((value, at) => (value === most ? [touched[at] ? 1 : 0] : [])));
}

/** Mean over the pairs of maps of Pearson's correlation at the size of the coarsest; NaN where a map is even. */
export function meanAgreement(maps: readonly (readonly number[])[]): number {
  const tensors = maps.map((map): Tensor => {
    const cells = Math.sqrt(map.length);
    return tensor([1, 1, cells, cells], Float64Array.from(map));
  });
  const all = agreement(tensors);
  return mean(all.flatMap((row, i) => row.slice(i + 1)));
}

const lesionsOf = (seen: readonly SeenPicture[]): readonly (SeenPicture & { readonly lesion: Spot })[] =>
  seen.flatMap((one) => (one.picture.lesion ? [{ ...one, lesion: one.picture.lesion }] : []));

/** Standard deviation of the numbers of a map. */
export function deviation(map: readonly number[]): number {
  const middle = mean(map);
  return Math.sqrt(mean(map.map((value) => (value - middle) ** 2)));
}

/**
 * `accuracy`; with gates also `pointing1` to `pointing3` over the pictures of class 1, and `agreement` where maps are not even; with a
 * shared body `contrast`, the deviation of A_G over pixels, mean over pictures.
 */
export function measuresOf(seen: readonly SeenPicture[], form: Form): Measures {
  const accuracy = mean(seen.map(({ right }) => (right ? 1 : 0)));
  if (form === 'none') return { accuracy };
  const found = gateSides.map((_, at) => [
    `pointing${at + 1}`,
    mean(lesionsOf(seen).map(({ maps, lesion }) => pointing(maps[at] ?? [], lesion))),
  ]);
  const agreements = seen.map(({ maps }) => meanAgreement(maps)).filter((value) => !Number.isNaN(value));
  return {
    accuracy,
    ...(Object.fromEntries(found) as Measures),
    agreement: agreements.length === 0 ? Number.NaN : mean(agreements),
    ...(form === 'shared' ? { contrast: mean(seen.map(({ global }) => deviation(global))) } : {}),
  };
}

/** Hits of a maximum at a random cell, by scale: share of the cells that hold a pixel of the blob, mean over pictures of class 1. */
export const chances = (pictures: readonly LungPicture[]): readonly number[] =>
  gateSides.map((cells) =>
    mean(
      pictures.flatMap(({ lesion }) =>
        lesion ? [cellsOf(lesion, cells).filter((touched) => touched).length / cells ** 2] : [],
      ),
    ),
  );
