/** The analysis `vit-visual-analytics`: importance, spatial reach and patterns of the heads of a vision transformer. */
import type { Analysis } from '../../analysis';
import { finding } from './finding';
import { lookCloser } from './look-closer';
import { vitOffers } from './offers';
import { vitParameters, type VitParameters } from './parameters';
import { vitResult, type VitResult } from './result';
import { runVit } from './run';
import { vitSections } from './sections';

export const vitVisualAnalytics: Analysis<VitParameters, VitResult> = {
  id: 'vit-visual-analytics',
  title: 'Heads of a vision transformer',
  question: 'Which heads of a vision transformer matter, how far do they read, and which patterns do they have?',
  group: 'vision',
  source: {
    reference: 'arXiv:2303.13731',
    trust: 'low',
    note: 'The three questions and the views are the paper’s. Its formulas could not be read: the metrics of importance, the rings, the autoencoder and the groups are choices of Headscope.',
  },
  inputs: ['image-set'],
  readsPictures: true,
  parameters: vitParameters,
  result: vitResult,
  supports({ patches }) {
    return patches
      ? { ok: true }
      : {
          ok: false,
          why: 'The model has no vision encoder. Choose a ViT, CLIP or SigLIP checkpoint, or a vision-language model.',
        };
  },
  estimate({ blocks, patches }, { given }, { maps }) {
    const pictures = given.kind === 'image-set' ? given.samples : 0;
    const heads = blocks.reduce((sum, block) => sum + block.heads, 0);
    const cells = patches ? Math.min(patches.rows, 8) * Math.min(patches.columns, 8) : 0;
    // Half of the pictures are ranked (two runs a head), half pruned (80 runs); patterns in float32, and as the float64 of PCA.
    return { passes: Math.ceil(pictures * (1 + heads + 40)), bytes: 12 * maps * heads * cells ** 2 };
  },
  run: runVit,
  ask: lookCloser,
  finding,
  sections: vitSections,
  offers: vitOffers,
};
