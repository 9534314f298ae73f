/** How heads are chosen and scaled (arXiv 2412.13949); the executors are those of compute-server/model/generation/reinforcement.ts. */
import type { Reinforcement } from '../../protocol/interventions/reinforcement';

/** `layers` ascending. */
export type ReinforcementSetup = Omit<Reinforcement, 'positions'>;
