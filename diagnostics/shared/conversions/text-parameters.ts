/** Which texts a conversion reads, as parameters. */
import type { Parameter } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

/** `measured`: what is measured on them. */
export const calibrationTexts = (measured: string): Parameter =>
  field.integer('Calibration texts', `Texts that ${measured} measured on, at most; as many others are held out.`, {
    min: 1,
    max: 1000,
    default: 50,
  });

export const textLength: Parameter = field.integer('Tokens of a text', 'Tokens of each document or prompt, at most.', {
  min: 2,
  max: 8192,
  default: 256,
});
