// PostGraphile 5 as it comes, over the rows of our views: the peer of our reads.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const { DATABASE_URL, PEER_SCHEMA } = process.env;
const service = makePgService({ connectionString: DATABASE_URL, schemas: [PEER_SCHEMA], poolConfig: { max: 8 } });
const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [service],
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
  grafast: { explain: false },
};
const pgl = postgraphile(preset);
const server = createServer();
const served = pgl.createServ(grafserv);
await served.addTo(server);
await served.ready();
if (process.env.PEER_PRINT) console.error((await import("graphql")).printSchema(await pgl.getSchema()));
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port} -`));
process.on("SIGTERM", () => process.exit(0));
