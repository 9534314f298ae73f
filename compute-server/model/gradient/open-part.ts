/** Opens the gradient graph of a piece of the model, with what is asked of it. */
import type { GradientOptions, GradientPart } from '../../../models/architectures/gradient-graphs';
import type { RuntimeSession } from '../../runtime/session';

export type OpenPart = (of: GradientPart, outputs?: Partial<GradientOptions>) => Promise<RuntimeSession>;
