/** Choices in the forward pass that are trained as if they were probabilities. */
import { add, floor, multiply, subtract } from '../graph/operators/elementwise';
import type { Value } from '../graph/records';

/**
 * The values of `choice`, 0 or 1, with the gradient of `probability`, 0 to 1: d/dp = 1 whatever was chosen (Bengio, Léonard and Courville
 * 2013, arXiv:1308.3432). Exactly `choice`, as long as no probability is below 2^-77.
 */
export const straightThrough = (choice: Value, probability: Value): Value =>
  add(choice, subtract(probability, withoutGradient(probability)));

/**
 * Numbers from 0 to 1 that pass no gradient. Rounding passes none, and a float32 of 2^23 or more is whole, so that the rounded number is
 * the number itself.
 */
const withoutGradient = (x: Value): Value => multiply(floor(multiply(x, 2 ** 100)), 2 ** -100);
