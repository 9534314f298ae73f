import type { ParameterTable, ParameterValues } from '../../protocol/analysis/parameters';
import { conversionFolder } from '../conversions/folder';

export const sharedChoices = ['important', 'first'] as const;
export type SharedChoice = (typeof sharedChoices)[number];

export interface MohParameters extends ParameterValues {
  readonly share: number;
  readonly sharedShare: number;
  readonly shared: SharedChoice;
  readonly curve: string;
  readonly sequences: number;
  readonly length: number;
  readonly folder: string;
}

export const parameters: ParameterTable<MohParameters> = {
  share: {
    kind: 'number',
    title: 'Active heads',
    description: 'Share of the query heads of each layer that a token has.',
    min: 0.01,
    max: 1,
    default: 0.75,
  },
  sharedShare: {
    kind: 'number',
    title: 'Shared heads',
    description: 'Share of the query heads of each layer that every token has; the others are chosen token by token.',
    min: 0,
    max: 1,
    default: 0.5,
  },
  shared: {
    kind: 'choice',
    title: 'Which are shared',
    description:
      'Those whose gain has the largest gradient of the loss (important), or the first of each layer, as in the release.',
    options: sharedChoices,
    default: 'important',
  },
  curve: {
    kind: 'text',
    title: 'Shares of the curve',
    description: 'Shares of active heads in per cent, separated by commas; empty: no curve.',
    default: '90,75,50,25',
  },
  sequences: {
    kind: 'integer',
    title: 'Calibration texts',
    description: 'Texts that importance and loads are measured on, at most; as many others are held out.',
    min: 1,
    max: 1000,
    default: 50,
  },
  length: {
    kind: 'integer',
    title: 'Tokens of a text',
    description: 'Tokens of each document or prompt, at most.',
    min: 2,
    max: 8192,
    default: 256,
  },
  folder: conversionFolder,
};
