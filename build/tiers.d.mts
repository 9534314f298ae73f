export declare const checks: Readonly<Record<string, unknown>>;
export declare const tiers: Readonly<Record<string, unknown>>;
