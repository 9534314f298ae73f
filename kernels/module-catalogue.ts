/** Every module, by explicit import. A module that is listed here is tested by test/laws/modules and offered everywhere. */
import type { Module } from './module';
import { shsa } from './modules/shvit/shsa';
import { spectralGateModule } from './modules/spectformer/spectral-gate';

export const moduleCatalogue: readonly Module[] = [shsa, spectralGateModule];

export const moduleById = (id: string): Module | undefined => moduleCatalogue.find((module) => module.id === id);
