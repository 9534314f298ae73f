/**
 * One head on a part of the channels, one on all of them, and multi-head attention, at the grids and widths of SHViT's stages: what
 * figure 6 of arXiv:2401.16456 compares by images a second at equal accuracy, here by the time of the mixer alone.
 */
import type { Bench } from './support/bench';
import type { ParameterValues } from '../../kernels/mechanism';
import { moduleById } from '../../kernels/module-catalogue';
import { plainMultiplyAdds } from '../../kernels/module-parts/plain-attention';
import { raceGraphs } from './support/interleaved';
import { moduleEntrant, plainEntrant } from './support/modules';
import { resolvedParameters } from '../../compute-server/modules/parameters';

/** Stages of S1 and S4 that attend: grid, channels, attended channels. */
const stages = [
  ['S1, stage 2', 7, 224, 48],
  ['S1, stage 3', 4, 320, 68],
  ['S4 at 256 pixels, stage 2', 8, 336, 72],
  ['a grid of 14 x 14', 14, 224, 48],
] as const;

const settings = { seconds: 3, threads: 2, seed: 1, baseline: 'multi-head' };
const batch = 16;
/** Width of a head of multi-head attention. */
const headWidth = 32;

const bench: Bench = {
  name: 'Heads of SHViT, float32, cpu, 2 threads',
  async run(report) {
    const module = moduleById('shsa');
    if (!module) throw new Error('There is no module shsa.');
    for (const [stage, side, channels, partial] of stages) {
      const size = { channels, height: side, width: side, batch };
      const [part, full] = [
        { ...size, partial },
        { ...size, partial: channels },
      ];
      const tokens = side * side;
      const many = { batch, queries: tokens, keys: tokens, width: channels, heads: Math.floor(channels / headWidth) };
      // Heads divide the width: 336 has no 10 equal ones.
      while (channels % many.heads !== 0) many.heads -= 1;
      const timed = await raceGraphs(
        [plainEntrant('multi-head', many), moduleEntrant('part', module, part), moduleEntrant('full', module, full)],
        settings,
      );
      const operations = (parameters: ParameterValues): number =>
        module.cost(resolvedParameters(module, parameters)).multiplyAdds;
      for (const [name, title, parameters] of [
        ['part', `one head on ${partial} of ${channels} channels`, part],
        ['full', `one head on all ${channels} channels`, full],
      ] as const) {
        const { median, note } = timed.times('multi-head', name);
        report.figure({
          name: `${stage}, ${tokens} tokens: how many times as fast as ${many.heads} heads is ${title}`,
          value: median,
          unit: 'times',
          note: `${note}; ${timed.medianMs(name).toPrecision(3)} and ${timed.medianMs('multi-head').toPrecision(3)} ms for ${batch} pictures; ${(plainMultiplyAdds(many) / operations(parameters)).toPrecision(3)} times fewer products`,
        });
      }
    }
  },
};

export default bench;
