/** What networks from a picture to its classes take, give and ask for alike. */
import type { Parameter, ParameterValues } from '../mechanism';
import type { ModuleInput, ModuleOutput, Sample } from '../module';
import { normalTensor } from '../tensors/random';
import { discs } from './draw';
import * as field from '../parameters';

export const pictureInput = ({ batch, side }: { readonly batch: number; readonly side: number }): ModuleInput => ({
  name: 'picture',
  kind: 'picture',
  title: 'Picture',
  description: '[batch, 3, side, side]',
  shape: [batch, 3, side, side],
});

export const classesOutput = ({
  batch,
  classes,
}: {
  readonly batch: number;
  readonly classes: number;
}): ModuleOutput => ({
  name: 'output',
  title: 'Classes',
  description: '[batch, classes], before the softmax',
  shape: [batch, classes],
});

export const classesParameter: Parameter = field.integer('Classes', 'Of the last layer.', {
  min: 1,
  max: 22000,
  default: 1000,
});

export const pictureBatch: Parameter = field.integer('Batch', 'Pictures in a call.', { min: 1, max: 16, default: 1 });

export const pictureSamples = <P extends ParameterValues & { readonly batch: number; readonly side: number }>(
  ofDiscs = 'Three discs of their own colours on a smooth ground.',
): readonly [Sample<P>, ...Sample<P>[]] => [
  {
    id: 'normal',
    title: 'Normal numbers',
    description: 'Standard normal numbers in place of a picture.',
    draw: ({ batch, side }, seed) => ({ picture: normalTensor([batch, 3, side, side], seed) }),
  },
  {
    id: 'discs',
    title: 'Discs on a ground',
    description: ofDiscs,
    draw: ({ batch, side }, seed) => ({ picture: discs([batch, 3, side, side], seed) }),
  },
];
