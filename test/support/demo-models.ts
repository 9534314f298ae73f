/** The text models that tests run. */
import { resolve } from 'node:path';

/**
 * A model of 1.05 million parameters, 4 layers of 8 heads, that was trained on texts of up to 2,048 tokens. Its figures are those of
 * its card: L0H6 attends to the previous token, the heads of layer 1 are induction heads, letters of multiple choice are a guess.
 */
export const shortDemoLm = resolve(__dirname, '../fixtures/models/demo-lm-short');
