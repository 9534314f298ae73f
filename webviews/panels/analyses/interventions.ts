/** Interventions as a person writes them for `--do`. */
import type { Intervention } from '../../../protocol/interventions/interventions';

export const doForm = ({ kind, layer, head, gain }: Intervention): string => `${kind}:${layer}.${head}=${gain}`;
