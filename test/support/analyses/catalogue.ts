/** The catalogue of tests, in the place of diagnostics/catalogue.ts. */
import type { Analysis } from '../../../diagnostics/analysis';
import type { Experiment } from '../../../diagnostics/experiment';
import { firstToken } from './first-token';
import { taskReader } from './task-reader';
import { trainedCycle } from './trained-cycle';

export const analyses: readonly Analysis[] = [firstToken, taskReader];
export const experiments: readonly Experiment[] = [trainedCycle];
