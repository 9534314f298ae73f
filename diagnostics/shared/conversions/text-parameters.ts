/** Which texts a conversion reads, as parameters. */
import type { Parameter } from '../../../protocol/analysis/parameters';

/** `measured`: what is measured on them. */
export const calibrationTexts = (measured: string): Parameter => ({
  kind: 'integer',
  title: 'Calibration texts',
  description: `Texts that ${measured} measured on, at most; as many others are held out.`,
  min: 1,
  max: 1000,
  default: 50,
});

export const textLength: Parameter = {
  kind: 'integer',
  title: 'Tokens of a text',
  description: 'Tokens of each document or prompt, at most.',
  min: 2,
  max: 8192,
  default: 256,
};
