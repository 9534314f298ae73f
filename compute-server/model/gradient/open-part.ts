/** Opens the gradient graph of a piece of the model, with what is asked of it. */
import type { GradientOutputs, GradientPart } from '../../../models/architectures/gradient-graphs';
import type { RuntimeSession } from '../../runtime/session';

export type OpenPart = (of: GradientPart, outputs?: Partial<GradientOutputs>) => Promise<RuntimeSession>;
