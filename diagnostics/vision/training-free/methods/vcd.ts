/** Visual contrastive decoding: against the same prompt with the picture distorted by noise. */
import { random } from '../../../../kernels/tensors/random';
import { ContrastedRun } from '../contrast';
import { noised, noiseSteps } from '../noise';
import { cutDescription } from './cut';
import type { Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = { readonly vcdAlpha: number; readonly vcdBeta: number; readonly vcdNoise: number };

export const vcd: Method<Parameters> = {
  id: 'vcd',
  title: 'VCD',
  source:
    'arXiv:2311.16922, equations 3 and 4; noise of a diffusion model on the input of the vision encoder, one draw a picture (released: one a question)',
  parameters: {
    vcdAlpha: field.number(
      'VCD: alpha',
      'How much of the logits with the distorted picture is taken away; 0 changes nothing but the cut.',
      { min: 0, max: 100, default: 1 },
    ),
    vcdBeta: field.number('VCD: beta', cutDescription, { min: 0, max: 1, default: 0.1 }),
    vcdNoise: field.integer(
      'VCD: step of the noise',
      'Step of a diffusion of 1,000 steps, from 0. At step 500 three quarters of the variance still come from the picture.',
      { min: 0, max: noiseSteps - 1, default: 500 },
    ),
  },
  settings: ({ vcdAlpha, vcdBeta, vcdNoise }) => `alpha ${vcdAlpha}, beta ${vcdBeta}, noise at step ${vcdNoise}`,
  async start(model, { prompt, further, seed }, { vcdAlpha, vcdBeta, vcdNoise }) {
    const source = random(seed);
    const distorted = await model.withPixels(prompt, (pixels) => noised(pixels, vcdNoise, source));
    const common = { further, held: 2 };
    const first = await model.continuation({ sequence: prompt, ...common });
    const second = await model.continuation({ sequence: distorted, ...common });
    return new ContrastedRun(first, second, { weight: vcdAlpha, cut: vcdBeta });
  },
};
