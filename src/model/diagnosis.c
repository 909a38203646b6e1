/* SPDX-License-Identifier: MIT */
#include "model/diagnosis.h"

#include <string.h>

const struct finding *diagnosis_find(const struct diagnosis *diagnosis, const char *name)
{
	vec_each(finding, &diagnosis->findings)
		if (strcmp(finding->name, name) == 0)
			return finding;
	return NULL;
}

bool diagnosis_works(const struct diagnosis *diagnosis, const char *name)
{
	const struct finding *finding = diagnosis_find(diagnosis, name);

	return finding && (finding->result.state == ABILITY_WORKS ||
			   finding->result.state == ABILITY_DEGRADED);
}

void diagnosis_done(struct diagnosis *diagnosis)
{
	vec_each(text, &diagnosis->missing)
		free(*text);
	vec_each(text, &diagnosis->unused)
		free(*text);
	vec_done(&diagnosis->missing);
	vec_done(&diagnosis->unused);
	vec_done(&diagnosis->findings);
	vec_done(&diagnosis->settings);
	*diagnosis = (struct diagnosis){ 0 };
}
