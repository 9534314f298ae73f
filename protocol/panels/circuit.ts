/** Messages of the extension to the editor of a circuit. */
import type { Circuit } from '../circuits/circuit-file';
import type { EditedFile } from './opened-file';

export type ToCircuitPanel = EditedFile<Circuit>;
