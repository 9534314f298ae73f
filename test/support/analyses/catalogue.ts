/** The catalogue of tests, in the place of diagnostics/catalogue.ts. */
import type { Analysis } from '../../../diagnostics/analysis';
import { firstToken } from './first-token';
import { taskReader } from './task-reader';

export const analyses: readonly Analysis[] = [firstToken, taskReader];
