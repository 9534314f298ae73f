/** All forms in which plans are read from elsewhere and written for elsewhere, in the order of menus. */
import { duoAttentionGates } from './duoattention';
import type { PlanFormat } from './format';
import { kvpress } from './kvpress';
import { layerTypes } from './layer-types';
import { moa } from './moa';
import { retrievalScores } from './retrieval-scores';
import { table } from './table';

export const planFormats: readonly PlanFormat[] = [table, moa, retrievalScores, duoAttentionGates, kvpress, layerTypes];

export const planFormat = (id: string): PlanFormat | undefined => planFormats.find((format) => format.id === id);
